// The page of `fewlabel label`: starts polling, then shows what there is.

import { render } from "preact";
import { App } from "./app";
import { pollStatus } from "./state/status";
import { refill } from "./state/upcoming";

// What an earlier page could not send is known with the first status: it is not asked again.
void pollStatus().then(() => refill());
render(<App />, document.getElementById("page")!);
