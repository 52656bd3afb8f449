// npm's `url` for the older functions, and the host's parser for the newer classes.
import url from "url/";
import { URL, URLSearchParams } from "../globals/url.js";

export default { ...url, URL, URLSearchParams };
