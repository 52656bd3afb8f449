// `ip(address).in_range(ranges)`, which was there without `require`.
import ipaddr from "ipaddr.js";

export function ip(address) {
    const asked = ipaddr.process(address);
    const isWithin = (range) => {
        const [network, bits] = ipaddr.parseCIDR(range.includes("/") ? range : `${range}/${range.includes(":") ? 128 : 32}`);
        return network.kind() === asked.kind() && asked.match(network, bits);
    };
    return { in_range: (ranges) => (Array.isArray(ranges) ? ranges : [ranges]).some(isWithin) };
}
