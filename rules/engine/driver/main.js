// The driver: JavaScript rules as their tenants wrote them, on top of the natives of `src/natives.c`.
// All of this runs once, when the artifact is built; what it leaves in memory is where every login starts.
import "./natives.js";
import "./globals/early.js";
import "./globals/index.js";
import { compile } from "./compile.js";
import { run } from "./run.js";
import { warmUp } from "./warm.js";

warmUp();
globalThis.driver = { compile, run };
