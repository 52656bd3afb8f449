// `Math.random` comes from the exchange; the host is asked for the seed when the first number is wanted.
import { askBytes, native } from "../natives.js";

export function seedOnFirstUse() {
    const { random } = Math;
    const first = () => {
        const bytes = randomBytes(8);
        native.seed(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0));
        Math.random = random;
        return random();
    };
    Object.defineProperty(Math, "random", { value: first, writable: true, configurable: true, enumerable: false });
}

/** Bytes that the exchange decides: the same in every run of the same exchange, and secret to everybody else. */
export const randomBytes = (count) => askBytes("random", String(count));
