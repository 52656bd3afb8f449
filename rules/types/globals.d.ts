// What rules find without `require`, beyond JavaScript itself. Put `/// <reference path="…/types/globals.d.ts" />` first.
declare var configuration: Readonly<Record<string, string>>;
declare var global: Record<string, any>;
declare var auth0: {
    users: import("./common").UserUpdates;
    readonly domain: string;
    readonly baseUrl: string;
};
declare function require(name: string): any;

declare class UnauthorizedError extends Error {
    constructor(message: string);
    code: "unauthorized";
    description: string;
}
declare class ValidationError extends Error {
    constructor(code: string, message: string);
    code: string;
    description: string;
}
declare class WrongUsernameOrPasswordError extends Error {
    constructor(userId: string, message: string);
    user_id: string;
}
declare class InvalidScopeError extends Error {}
declare class InvalidRequestError extends Error {}
declare class ServerError extends Error {}

declare var exports: Record<string, any>;
declare var module: { exports: any };
declare var _: any;
declare var async: any;
declare var Buffer: any;
declare var jwt: any;
declare var q: any;
declare var querystring: any;
declare var request: any;
declare var uuid: any;
declare var xtend: any;
declare function ip(address: string): { in_range(ranges: string | string[]): boolean };
