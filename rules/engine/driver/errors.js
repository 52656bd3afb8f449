// Errors: those that rules know by name, the one that ends a login, and what a rule's author reads of any.

class UnauthorizedError extends Error {
    constructor(message) {
        super(message);
        this.name = "UnauthorizedError";
        this.code = "unauthorized";
        this.description = this.message;
        this.statusCode = 401;
    }
}

class ValidationError extends Error {
    constructor(code, message) {
        super(message);
        this.name = "ValidationError";
        this.code = code;
        this.description = this.message;
        this.statusCode = 400;
    }
}

class WrongUsernameOrPasswordError extends Error {
    constructor(userId, message) {
        super(message);
        this.name = "WrongUsernameOrPasswordError";
        this.user_id = userId;
        this.code = "wrongusernameorpassword";
        this.statusCode = 400;
    }
}

// What the hook's own template declares; a rule that brings its own is understood by the name, too.
const hookError = (name) => ({
    [name]: class extends Error {
        constructor(message) {
            super(message);
            this.name = name;
        }
    },
})[name];

export const errorClasses = {
    UnauthorizedError,
    ValidationError,
    WrongUsernameOrPasswordError,
    InvalidScopeError: hookError("InvalidScopeError"),
    InvalidRequestError: hookError("InvalidRequestError"),
    ServerError: hookError("ServerError"),
};

/** The rule ended the login. Tenants' code never sees one. */
export class Denied {
    constructor(code, message) {
        this.code = code;
        this.message = message;
    }
}

/** What a rule is told that wants the login to become another account's. */
export const otherAccount = (what) => `${what} names another account: accounts are not linked here, and a login is its own user's`;

/** What somebody called an error, as a text for people. */
export function messageOf(error) {
    if (error instanceof Error || (error && typeof error === "object" && "message" in error)) return `${error.message}`;
    return typeof error === "string" ? error : String(JSON.stringify(error) ?? error);
}

/** The author's own frames of a stack trace. */
export function ownStack(error) {
    const stack = error && typeof error === "object" ? error.stack : undefined;
    if (typeof stack !== "string") return "";
    return stack.split("\n").filter((line) => {
        return line.trim() !== "" && !line.includes("driver.js:") && !line.includes("(native)");
    }).join("\n");
}

/** An error with its name and where in the author's source it was made. */
export function describe(error) {
    if (!(error instanceof Error)) return messageOf(error);
    const stack = ownStack(error);
    const head = error.message === "" ? error.name : `${error.name}: ${error.message}`;
    return stack === "" ? head : `${head}\n${stack}`;
}

/** What the tenant's log is told of a rule that failed. */
export function asFailure(error) {
    const name = error instanceof Error ? error.name : typeof error;
    const stack = ownStack(error);
    const place = /([^\s(]+:\d+(?::\d+)?)\)?$/m.exec(stack);
    return { name, message: messageOf(error), stack, position: place ? place[1] : undefined };
}
