/** Everything that every page needs; each module looks for its own elements. */
import { startAddresses } from "./addresses.js";
import { startCopying } from "./copy.js";
import { startEdits } from "./edits.js";
import { startKeys } from "./keys.js";
import { startLiveRows } from "./live.js";
import { startMenus } from "./menus.js";
import { startTheme } from "./theme.js";
import { startTimes } from "./times.js";

startTheme();
startTimes();
startCopying();
startMenus();
startKeys();
startLiveRows();
startEdits();
startAddresses();

if (document.querySelector("[data-timeline]")) {
  const { startTimelines } = await import("./timeline/main.js");
  startTimelines();
}
