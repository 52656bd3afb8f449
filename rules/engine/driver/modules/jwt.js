// The implicit `jwt`: npm's `jsonwebtoken`, and the lifetime in minutes that version 4 had.
import jsonwebtoken from "jsonwebtoken";

export const jwt = {
    ...jsonwebtoken,
    sign(payload, key, options, callback) {
        if (options?.expiresInMinutes !== undefined) {
            const { expiresInMinutes, ...others } = options;
            options = { ...others, expiresIn: expiresInMinutes * 60 };
        }
        return jsonwebtoken.sign(payload, key, options, callback);
    },
};
