import querystring from "querystring/";

export default { ...querystring, escape: encodeURIComponent, unescape: decodeURIComponent };
