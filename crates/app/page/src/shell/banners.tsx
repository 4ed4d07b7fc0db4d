// What stands in the way of saving, said plainly above the view.

import { connection, serverSays } from "../state/connection";
import { forgetRefused, refused, tryRefusedAgain, unsent } from "../state/outbox";
import { status } from "../state/status";
import { Icon } from "./icon";
import { counted } from "./words";

export function Banners() {
  return (
    <div class="banners" role="status">
      <Connection />
      {status.value?.problem && connection.value === "there" && (
        <Banner id="problem"><p>{capital(status.value.problem)}.</p></Banner>
      )}
      <RefusedAnswers />
    </div>
  );
}

function Connection() {
  const waiting = unsent.value.length;
  const keptHere = waiting ? `${counted(waiting, "answer")} kept` : "nothing is lost";
  if (connection.value === "signed-out") {
    return (
      <Banner id="signed-out">
        <p>
          This page is no longer signed in; {keptHere}. Open the address that{" "}
          <code>fewlabel label</code> printed when it started.
        </p>
      </Banner>
    );
  }
  if (connection.value === "there") return null;
  return (
    <Banner id="away">
      <p>
        <strong>
          Server away: {waiting ? `${counted(waiting, "answer")} kept, will be sent.` : "trying again."}
        </strong>{" "}
        {waiting > 0 && "You can go on. "}
        <span class="muted">({serverSays.value})</span>
      </p>
    </Banner>
  );
}

function RefusedAnswers() {
  const list = refused.value;
  if (!list.length) return null;
  return (
    <Banner id="refused">
      <p>
        {counted(list.length, "answer was", "answers were")} refused: {list[0]!.reason}.
      </p>
      <button type="button" class="plain" onClick={tryRefusedAgain}>Send again</button>
      <button type="button" class="plain" onClick={forgetRefused}>Forget</button>
    </Banner>
  );
}

function Banner({ id, children }: { id: string; children: preact.ComponentChildren }) {
  return <div class="banner" id={id}><Icon name="warning" />{children}</div>;
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
