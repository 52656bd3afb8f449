//! `crypto.createCipheriv` and its opposite.

use super::logged;

/// NIST SP 800-38A, section F.2.5, without the padding, and the GCM specification's test case 16.
#[tokio::test]
async fn what_is_encrypted_is_what_the_standards_say() {
    let lines = logged(
        "const hex = (text) => Buffer.from(text, 'hex');
         const key = hex('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4');
         const cbc = crypto.createCipheriv('aes-256-cbc', key, hex('000102030405060708090a0b0c0d0e0f'));
         console.log((cbc.update('6bc1bee22e409f96e93d7e117393172a', 'hex', 'hex') + cbc.final('hex')).slice(0, 32));
         const gcm = crypto.createCipheriv('aes-256-gcm',
             hex('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308'), hex('cafebabefacedbaddecaf888'));
         gcm.setAAD(hex('feedfacedeadbeeffeedfacedeadbeefabaddad2'));
         const sealed = gcm.update('d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39', 'hex', 'hex') + gcm.final('hex');
         console.log(sealed.slice(0, 32), gcm.getAuthTag().toString('hex'));",
    )
    .await;
    assert_eq!(
        lines,
        [
            "f58c4c04d6e5f1ba779eabfb5f7bfbd6",
            "522dc1f099567d07f47f37a32a84427d 76fc6ece0f4e1768cddf8853bb2d551b"
        ]
    );
}

#[tokio::test]
async fn what_was_encrypted_comes_back_and_what_was_changed_does_not() {
    let lines = logged(
        "const key = crypto.createHash('sha256').update('S0me,Password!è§', 'utf8').digest();
         for (const [name, iv] of [['aes-256-cbc', 'abcjfiekdpaifjfd'], ['aes-256-gcm', 'abcjfiekdpai']]) {
             const seal = crypto.createCipheriv(name, key, Buffer.from(iv));
             const text = seal.update('what è was ', 'utf8', 'base64') + seal.update('said', 'utf8', 'base64') + seal.final('base64');
             const open = (key, text) => {
                 const cipher = crypto.createDecipheriv(name, key, Buffer.from(iv));
                 if (name.endsWith('gcm')) cipher.setAuthTag(seal.getAuthTag());
                 return cipher.update(text, 'base64', 'utf8') + cipher.final('utf8');
             };
             console.log(open(key, text));
             for (const [k, t] of [[key.fill(1, 0, 1), text], [key, text.slice(0, 8)]])
                 try { console.log(open(k, t)); } catch (e) { console.log(e.message); }
             key.set(crypto.createHash('sha256').update('S0me,Password!è§', 'utf8').digest());
         }",
    )
    .await;
    let refused = "Unsupported state or unable to authenticate data";
    assert_eq!(
        lines,
        [
            "what è was said",
            "bad decrypt",
            "bad decrypt",
            "what è was said",
            refused,
            refused
        ]
    );
}

#[tokio::test]
async fn what_does_not_fit_is_named() {
    let lines = logged(
        "for (const f of [
             () => crypto.createCipheriv('des', 'k', 'i'),
             () => crypto.createCipheriv('aes-128-cbc', 'short', Buffer.alloc(16)).final(),
             () => crypto.createCipheriv('aes-128-cbc', Buffer.alloc(16), 'short').final(),
             () => crypto.createDecipheriv('aes-128-gcm', Buffer.alloc(16), Buffer.alloc(12)).final(),
         ]) try { f(); console.log('done'); } catch (e) { console.log(e.message); }",
    )
    .await;
    assert_eq!(
        lines,
        [
            "Unknown cipher: `des`; aes-128, aes-192 and aes-256 in the modes cbc and gcm are there",
            "Invalid key length",
            "Invalid initialization vector",
            "Unsupported state or unable to authenticate data"
        ]
    );
}
