// npm's `uuid` 8, callable as version 2 was. Its random bytes are the exchange's.
import * as uuid from "uuid";

export default Object.assign((...given) => uuid.v4(...given), uuid);
