// What a program mentions, without parsing it: comments, strings, templates and regular expressions are told apart,
// which is all that it takes to see what it exports and requires. The engine's own parser judges the syntax.
const NAME = /[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/uy;
const NUMBER = /\d[\w.]*/y;
const STRING = /"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'/y;
const REGEXP = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const SPACE = /\s+/y;

// After these a slash begins a regular expression, although they look like names.
const OPERATORS = new Set(`await case delete do else in instanceof of new return throw typeof void yield`.split(" "));

/** The tokens of `source` in order: `{ kind, text, at, depth }`, depth counting braces. */
export function tokens(source) {
    const found = [];
    const templates = [];
    let at = 0;
    let depth = 0;
    const match = (pattern) => {
        pattern.lastIndex = at;
        return pattern.exec(source)?.[0];
    };
    const take = (kind, text) => {
        found.push({ kind, text, at, depth });
        at += text.length;
    };
    // The rest of a template, up to its end or to the next `${`.
    const template = () => {
        const begin = at;
        while (at < source.length && source[at] !== "`" && !source.startsWith("${", at)) at += source[at] === "\\" ? 2 : 1;
        if (source[at] === "$") {
            templates.push(depth++);
            at += 2;
        } else at += 1;
        found.push({ kind: "template", text: "`", at: begin, depth });
    };
    while (at < source.length) {
        const character = source[at];
        let text;
        if ((text = match(SPACE))) at += text.length;
        else if (source.startsWith("//", at)) at = endOf(source, "\n", at);
        else if (source.startsWith("/*", at)) at = endOf(source, "*/", at + 2);
        else if ((text = match(NAME))) take("name", text);
        else if ((text = match(NUMBER))) take("number", text);
        else if ((text = match(STRING))) take("string", text);
        else if (character === "`") {
            at += 1;
            template();
        } else if (character === "}" && templates.at(-1) === depth - 1) {
            depth = templates.pop();
            at += 1;
            template();
        } else if (character === "/" && !endsValue(found.at(-1)) && (text = match(REGEXP))) take("regexp", text);
        else {
            if (character === "}") depth -= 1;
            take("sign", character);
            if (character === "{") depth += 1;
        }
    }
    return found;
}

function endOf(source, mark, from) {
    const at = source.indexOf(mark, from);
    return at < 0 ? source.length : at + mark.length;
}

function endsValue(token) {
    if (token === undefined) return false;
    if (token.kind === "name") return !OPERATORS.has(token.text);
    return token.kind !== "sign" || token.text === ")" || token.text === "]";
}

/** Whether the program is a module: its outermost code exports something. */
export function exportsSomething(list) {
    return list.some(({ kind, text, depth }, i) => {
        if (kind !== "name" || depth !== 0 || list[i - 1]?.text === ".") return false;
        return text === "exports" || (text === "module" && list[i + 1]?.text === ".");
    });
}

/** The modules that it requires by name: `{ name, at }`. */
export function requirements(list) {
    return list.flatMap(({ kind, text }, i) => {
        const [open, name, close] = list.slice(i + 1, i + 4);
        const calls = kind === "name" && text === "require" && list[i - 1]?.text !== ".";
        if (!calls || open?.text !== "(" || name?.kind !== "string" || close?.text !== ")") return [];
        return [{ name: name.text.slice(1, -1), at: name.at }];
    });
}
