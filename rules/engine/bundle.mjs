// Makes one script of the driver and the npm packages that it brings: `node bundle.mjs OUT.js`.
import { build } from "esbuild";

export const options = {
    entryPoints: ["driver/main.js"],
    bundle: true,
    format: "iife",
    // What QuickJS-ng reads as it is; nothing is rewritten for older engines.
    target: "es2023",
    // A package's own entry for where there is no Node.
    platform: "browser",
    // What packages take for Node's own.
    alias: {
        crypto: "./driver/modules/crypto/index.js",
        stream: "./driver/modules/stream.cjs",
    },
    define: { "process.env.NODE_ENV": '"production"' },
    // Licences are listed beside the lock file.
    legalComments: "none",
    // The bytecode is what counts, and names in stack traces are worth more than bytes here.
    minifySyntax: true,
    logLevel: "warning",
};

if (process.argv[1].endsWith("bundle.mjs")) await build({ ...options, outfile: process.argv[2] });
