// The frame of all views: header, banners, one view, what is read aloud.

import { ClassesView } from "./classes/classes-view";
import { FinishView } from "./finish/finish-view";
import { LabelView } from "./label/label-view";
import { ProgressView } from "./progress/progress-view";
import { ReviewView } from "./review/review-view";
import { Announcer } from "./shell/announcer";
import { Banners } from "./shell/banners";
import { Header } from "./shell/header";
import { KeysDialog } from "./shell/keys-dialog";
import { connection } from "./state/connection";
import { unsent } from "./state/outbox";
import { view, type View } from "./state/route";
import { status } from "./state/status";

export function App() {
  return (
    <>
      <Header />
      <Banners />
      <main id="main" class={`view-${view.value}`} data-unsent={unsent.value.length}>
        {content(view.value)}
      </main>
      <KeysDialog />
      <Announcer />
    </>
  );
}

function content(name: View) {
  if (!status.value) {
    const isThere = connection.value === "there";
    return <h1 class="waiting" tabIndex={-1}>{isThere ? "Opening the project…" : "No project to show yet"}</h1>;
  }
  switch (name) {
    case "label": return <LabelView />;
    case "progress": return <ProgressView />;
    case "review": return <ReviewView />;
    case "classes": return <ClassesView />;
    case "finish": return <FinishView />;
  }
}
