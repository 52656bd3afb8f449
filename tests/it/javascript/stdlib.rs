//! What rules find of a browser's and of Node's standard library.

use super::logged;

#[tokio::test]
async fn urls_are_those_of_the_standard() {
    let lines = logged(
        "const url = new URL('../b?c=d&e=f+g#h', 'https://user:pw@EXAMPLE.com:443/a/x');
         console.log(url.href, url.host, url.port === '', url.searchParams.get('e'), url.origin);
         url.searchParams.append('ü', '~ '); url.pathname = '/p q'; url.hash = '';
         console.log(url.href, JSON.stringify(url));
         console.log(new URLSearchParams({ a: 1, b: 'x y' }).toString(), [...new URLSearchParams('?a=1&a=2').getAll('a')].join());
         try { new URL('nope'); } catch (e) { console.log(e.name, e.code); }",
    )
    .await;
    assert_eq!(
        lines,
        [
            "https://user:pw@example.com/b?c=d&e=f+g#h example.com true f g https://example.com",
            "https://user:pw@example.com/p%20q?c=d&e=f+g&%C3%BC=%7E+ \"https://user:pw@example.com/p%20q?c=d&e=f+g&%C3%BC=%7E+\"",
            "a=1&b=x+y 1,2",
            "TypeError ERR_INVALID_URL",
        ]
    );
}

#[tokio::test]
async fn texts_and_bytes() {
    let lines = logged(
        "console.log(btoa('hello'), atob('aGVsbG8='), Buffer.from('héllo').toString('base64'), Buffer.from('6869', 'hex').toString());
         console.log(new TextEncoder().encode('é').join(), new TextDecoder().decode(new Uint8Array([0xef, 0xbb, 0xbf, 104, 105])));
         try { new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([0xff])); } catch (e) { console.log(e.name); }
         const cycle = { when: new Date(0), list: [new Map([[1, new Set([2])]])] }; cycle.self = cycle;
         const copy = structuredClone(cycle);
         console.log(copy !== cycle, copy.self === copy, copy.when.getTime(), copy.list[0].get(1).has(2));
         try { structuredClone(() => {}); } catch (e) { console.log(e.name); }",
    )
    .await;
    assert_eq!(
        lines,
        [
            "aGVsbG8= hello aMOpbGxv hi",
            "195,169 hi",
            "TypeError",
            "true true 0 true",
            "DataCloneError"
        ]
    );
}

#[tokio::test]
async fn dates_are_written_in_time_zones() {
    let lines = logged(
        "const date = new Date();
         console.log(date.toLocaleString('en-US', { timeZone: 'America/New_York' }).replace(/\\u202f/g, ' '));
         console.log(date.toLocaleDateString('en-GB', { timeZone: 'Asia/Tokyo', weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }));
         console.log(date.toLocaleDateString('sv-SE'), date.toLocaleTimeString('en-GB', { timeZone: 'Asia/Kathmandu', hour: '2-digit', minute: '2-digit' }));
         console.log(new Intl.DateTimeFormat('en-US', { timeZone: 'Europe/Berlin', hour: 'numeric', hour12: false }).format(date));
         console.log(new Intl.DateTimeFormat('en-US', { timeZone: 'Europe/Berlin', weekday: 'short' }).formatToParts(date)[0].value);
         console.log((1234567.5).toLocaleString(), (0.25).toLocaleString('en-US', { style: 'percent' }));
         try { new Intl.DateTimeFormat('en-US', { timeZone: 'Mars/Base' }); } catch (e) { console.log(e.name); }
         try { new Intl.Collator(); } catch (e) { console.log(e.message); }",
    )
    .await;
    assert_eq!(
        lines,
        [
            "1/12/2026, 2:00:00 AM",
            "Monday 12 January 2026",
            "2026-01-12 12:45",
            "08",
            "Mon",
            "1,234,567.5 25%",
            "RangeError",
            "Intl.Collator is not there; Intl.DateTimeFormat and Intl.NumberFormat are",
        ]
    );
}

#[tokio::test]
async fn hashes_codes_and_signatures() {
    let lines = logged(
        "for (const hash of ['md5', 'sha1', 'sha256']) console.log(crypto.createHash(hash).update('a').update('bc').digest('hex'));
         console.log(crypto.createHmac('sha256', 'key').update('The quick brown fox jumps over the lazy dog').digest('hex'));
         console.log(crypto.timingSafeEqual(Buffer.from('ab'), Buffer.from('ab')), crypto.timingSafeEqual(Buffer.from('ab'), Buffer.from('ac')));
         console.log(require('crypto').pbkdf2Sync('password', 'salt', 2, 20, 'sha1').toString('hex'));
         try { crypto.createHash('whirlpool'); } catch (e) { console.log(e.message); }
         try { crypto.createCipher('aes-128-cbc', 'x'); } catch (e) { console.log(e.message); }",
    )
    .await;
    assert_eq!(
        lines,
        [
            "900150983cd24fb0d6963f7d28e17f72",
            "a9993e364706816aba3e25717850c26c9cd0d89d",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",
            "true false",
            "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957",
            "Digest method not supported: `whirlpool`; those that are: md5, sha1, sha224, sha256, sha384, sha512",
            "crypto.createCipher is not there: hashes, HMAC, signatures, AES with a key and an IV, random bytes and PBKDF2 are",
        ]
    );
}

#[tokio::test]
async fn the_log_has_levels_and_shows_objects() {
    let rule = super::passing(
        "console.log('%s is %d', 'x', 1, { a: [1, { b: 2 }] }); console.warn('careful'); console.error('bad'); console.debug('small');",
    );
    let run = super::run(&[&rule]).await;
    let lines: Vec<_> = run
        .rule(0)
        .logs
        .iter()
        .map(|line| (format!("{:?}", line.level), line.message.as_str()))
        .collect();
    let expected = [
        ("Info", "x is 1 { a: [ 1, { b: 2 } ] }"),
        ("Warn", "careful"),
        ("Error", "bad"),
        ("Debug", "small"),
    ];
    assert_eq!(
        lines,
        expected.map(|(level, text)| (level.to_owned(), text))
    );
}

#[tokio::test]
async fn timers_run_in_order_and_can_be_taken_back() {
    let run = super::run(&["function (user, context, callback) {
        const dropped = setTimeout(() => console.log('never'), 1);
        clearTimeout(dropped);
        let ticks = 0;
        const tick = setInterval(() => { ticks += 1; if (ticks === 3) clearInterval(tick); }, 10);
        setTimeout(() => { console.log('last', ticks); callback(null, user, context); }, 50);
        setTimeout(() => console.log('second'), 5);
        setImmediate(() => console.log('first'));
        queueMicrotask(() => console.log('zeroth'));
    }"])
    .await;
    assert_eq!(run.messages(), ["zeroth", "first", "second", "last 3"]);
}
