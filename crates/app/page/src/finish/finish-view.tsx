// The end: one button, then files to take along.

import { useSignal } from "@preact/signals";
import type { Finish } from "../server/types";
import { Icon } from "../shell/icon";
import { bytes, counted, percent } from "../shell/words";
import { startFinish } from "../state/change";
import { labelled, status } from "../state/status";

export function FinishView() {
  const error = useSignal("");
  const now = status.value!;
  const { finish } = now;
  const isRunning = finish?.state === "running";
  const start = () => {
    error.value = "";
    startFinish().catch((failed: Error) => (error.value = failed.message));
  };
  return (
    <div class="page">
      <h1 tabIndex={-1}>Finish</h1>
      <p class="lead">
        Makes the results from your {counted(labelled.value, "label")}: the labels as a table, the final
        classifier, and what it says of the {counted(now.open, "image")} that {now.open === 1 ? "is" : "are"} left.
      </p>
      <ul class="plain-list">
        <li>The final classifier learns from all answers, held-out ones too.</li>
        <li>
          The accuracy shown belongs to the classifier that did not learn from the held-out ones:
          no image is left that could measure the final one as fairly.
        </li>
        <li>You can go on labelling afterwards and make the results again.</li>
      </ul>
      <p>
        <button type="button" class="button main large" disabled={isRunning || labelled.value === 0} onClick={start}>
          {finish && !isRunning ? "Make the results again" : "Make the results"}
        </button>
      </p>
      {labelled.value === 0 && <p class="muted">Label some images first.</p>}
      {error.value && <p class="error" role="alert">{error.value}</p>}
      {finish && <Outcome finish={finish} />}
    </div>
  );
}

function Outcome({ finish }: { finish: Finish }) {
  if (finish.state === "failed") {
    return <p class="error" role="alert">The results could not be made: {finish.error}.</p>;
  }
  if (finish.state === "running") {
    return (
      <div class="panel stack" role="status">
        <span id="finish-what">{finish.what}…</span>
        <progress aria-labelledby="finish-what" max={1} value={finish.done} />
        <span class="muted">{percent(finish.done)}</span>
      </div>
    );
  }
  return (
    <section aria-labelledby="files">
      <h2 id="files">Your files</h2>
      {finish.folder && <p class="muted">They lie in <code>{finish.folder}</code>.</p>}
      <ul class="files">
        {finish.files.map((file) => (
          <li key={file.name}>
            <a href={file.href} download={file.name}><Icon name="download" /> {file.name}</a>
            <span class="muted">{file.what}</span>
            <span class="muted size">{bytes(file.bytes)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
