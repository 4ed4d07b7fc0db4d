// What the project is and how far it has come, above every view.

import { labelled, status } from "../state/status";
import { view, VIEWS, type View } from "../state/route";
import { count, duration, interval, percent } from "./words";

export function Header() {
  const now = status.value;
  return (
    <header class="top">
      <a class="jump" href="#main" onClick={toMain}>Jump to the content</a>
      <div class="top-row">
        <p class="brand">
          <img src="/favicon.svg" alt="" width="28" height="28" />
          <span>{now?.name ?? "Fewlabel"}</span>
        </p>
        <nav aria-label="Views">
          {Object.entries(VIEWS).map(([name, title]) => (
            <a key={name} href={`#${name}`} aria-current={view.value === name ? "page" : undefined}>
              {title}
              <Badge name={name as View} />
            </a>
          ))}
        </nav>
        {now && <Numbers />}
      </div>
      {now?.progress && <Work />}
    </header>
  );
}

function Numbers() {
  const now = status.value!;
  return (
    <dl class="numbers">
      <div>
        <dt>Labelled</dt>
        <dd id="labelled">
          <strong>{count(labelled.value)}</strong> <span>of {count(now.pool)}</span>
        </dd>
      </div>
      {now.accuracy && (
        <div>
          <dt>Accuracy</dt>
          <dd>
            <strong>{percent(now.accuracy.estimate)}</strong>{" "}
            <span>({interval(now.accuracy)})</span>
          </dd>
        </div>
      )}
    </dl>
  );
}

/** What goes on in the background, while labelling goes on. */
function Work() {
  const { what, done, seconds_left: secondsLeft } = status.value!.progress!;
  return (
    <div class="work">
      <span id="work-name">{capital(what)}</span>
      <progress aria-labelledby="work-name" max={1} value={done} />
      <span class="muted">
        {percent(done)}
        {secondsLeft !== null && `, ${duration(secondsLeft)} left`}
      </span>
    </div>
  );
}

function Badge({ name }: { name: View }) {
  const isDone = name === "finish" && status.value?.finish?.state === "done";
  return isDone ? <span class="badge">ready</span> : null;
}

// The address keeps the name of the view.
function toMain(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>("main h1")?.focus();
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
