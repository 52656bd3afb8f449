// Lists the packages that the driver brings, with version and licence: `node licences.mjs` writes LICENCES.txt,
// `node licences.mjs --check` compares.
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import { options } from "./bundle.mjs";

const ALLOWED = ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"];

const { metafile } = await build({ ...options, write: false, metafile: true });
const folders = new Set(Object.keys(metafile.inputs).flatMap((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []));
const lines = [...folders].map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
    // Old packages list theirs.
    const stated = license?.type ?? license ?? licenceOfOld(folder);
    if (!ALLOWED.includes(stated)) throw new Error(`${name} ${version}: the licence ${stated} is not one of ${ALLOWED}`);
    return `${name} ${version} ${stated}\n`;
});
const text = lines.sort().join("");

if (process.argv[2] === "--check") {
    if (readFileSync("LICENCES.txt", "utf8") !== text) throw new Error("LICENCES.txt is not up to date: run `node licences.mjs`");
} else {
    writeFileSync("LICENCES.txt", text);
}

function licenceOfOld(folder) {
    const { licenses } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
    return licenses?.map(({ type }) => type)[0];
}
