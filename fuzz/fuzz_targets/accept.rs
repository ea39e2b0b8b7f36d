//! The fields of negotiation.
#![no_main]

use candor_semantics::field::{
    accept::{Accept, Specificity},
    accept_encoding::AcceptEncoding,
    accept_language::{AcceptLanguage, Closeness},
    content_encoding::Coding,
    media_type::MediaType,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|value: &[u8]| {
    let accept = Accept::parse(value);
    for text in [&b"text/html; charset=utf-8"[..], b"application/ld+json; a=\"b,c\"", b"text/javascript"] {
        let media_type = MediaType::parse(text).expect("a media type");
        let (weight, specificity) = accept.quality(&media_type);
        assert!(weight <= 1000);
        assert!(specificity > Specificity::Nothing || weight == 0);
        assert!(!accept.is_open() || weight == 1000);
    }
    let language = AcceptLanguage::parse(value);
    for tag in ["de", "de-AT", "zh-Hant-TW", ""] {
        let (weight, closeness) = language.quality(tag);
        assert!(weight <= 1000);
        assert!(closeness > Closeness::Nothing || weight == 0);
    }
    let encoding = AcceptEncoding::parse(value);
    let best = Coding::ALL.map(|coding| encoding.quality(coding)).into_iter().max();
    match encoding.preferred(&Coding::ALL) {
        Some(coding) => assert_eq!(Some(encoding.quality(coding)), best),
        None => assert_eq!(best, Some(0)),
    }
});
