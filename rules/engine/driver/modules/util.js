// npm's `util`, and what Node's has by now.
import util from "util/";
import { TextDecoder, TextEncoder } from "../globals/text.js";

export const { format, inspect } = util;

export default Object.assign({}, util, {
    TextDecoder,
    TextEncoder,
});
