//! Language tags in file names (RFC 5646): `report.de.html`, `page.pt-BR.html`, `notes.zh_hant.md`.
//!
//! Names are full of short words that are no languages (`jquery.min.js`, `archive.tar.gz`). So two letters count
//! if ISO 639-1 knows them, and three letters only for languages that people publish in and that collide with no
//! common part of a file name.

/// ISO 639-1.
const TWO_LETTERS: &[u8] = b"aaabaeafakamanarasavayazbabebgbhbibmbnbobrbscacechcocrcscucvcydadedvdzeeeleneoes\
eteufafffifjfofrfygagdglgngugvhahehihohrhthuhyhziaidieigiiikioisitiujajvkakgkikjkkklkmknkokrkskukvkwkylalblgli\
lnloltlulvmgmhmimkmlmnmrmsmtmynanbndnengnlnnnonrnvnyocojomorospapiplpsptqurmrnrorurwsascsdsesgsiskslsmsnsosqsr\
ssstsusvswtatetgthtitktltntotrtstttwtyugukuruzvevivovowawoxhyiyozazhzu";

/// Languages without a two-letter code.
const THREE_LETTERS: &[&[u8]] = &[
    b"arz", b"ast", b"ckb", b"dsb", b"fil", b"frr", b"gsw", b"haw", b"hsb", b"kab", b"nds", b"sco", b"szl",
    b"vec", b"yue", b"zgh",
];

/// The language that a part of a name tells, in its customary case: `pt-BR`, `zh-Hant-TW`.
pub(crate) fn tag(part: &[u8]) -> Option<String> {
    let mut subtags = part.split(|&b| b == b'-' || b == b'_');
    let language = subtags.next()?.to_ascii_lowercase();
    let known = match language.len() {
        2 => TWO_LETTERS.as_chunks::<2>().0.iter().any(|known| known[..] == language[..]),
        3 => THREE_LETTERS.contains(&&language[..]),
        _ => false,
    };
    if !known {
        return None;
    }
    let mut tag = String::from_utf8(language).ok()?;
    let mut script_may_follow = true;
    for (position, subtag) in subtags.enumerate() {
        let text = std::str::from_utf8(subtag).ok()?;
        let alphabetic = text.bytes().all(|b| b.is_ascii_alphabetic());
        tag.push('-');
        match text.len() {
            4 if alphabetic && script_may_follow => {
                let (first, rest) = text.split_at(1);
                tag.push_str(&first.to_ascii_uppercase());
                tag.push_str(&rest.to_ascii_lowercase());
            }
            2 if alphabetic => tag.push_str(&text.to_ascii_uppercase()),
            3 if text.bytes().all(|b| b.is_ascii_digit()) => tag.push_str(text),
            _ => return None,
        }
        if text.len() != 4 && position + 1 < part.split(|&b| b == b'-' || b == b'_').count() - 1 {
            return None;
        }
        script_may_follow = false;
    }
    Some(tag)
}

/// The place of a language in a site's order: the first entry that it is, or that it begins with.
pub(crate) fn rank(language: Option<&[u8]>, order: &[bytes::Bytes]) -> u8 {
    let Some(language) = language else { return u8::MAX };
    let place = order.iter().position(|range| {
        let start = language.get(..range.len()).unwrap_or_default();
        start.eq_ignore_ascii_case(range) && matches!(language.get(range.len()), None | Some(b'-'))
    });
    place.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_in_names() {
        for (part, expected) in [
            ("de", Some("de")),
            ("EN", Some("en")),
            ("pt-br", Some("pt-BR")),
            ("pt_BR", Some("pt-BR")),
            ("zh-hant", Some("zh-Hant")),
            ("zh-hant-tw", Some("zh-Hant-TW")),
            ("es-419", Some("es-419")),
            ("fil", Some("fil")),
            ("min", None),
            ("tar", None),
            ("xx", None),
            ("js", None),
            ("md", None),
            ("d", None),
            ("", None),
            ("de-", None),
            ("de-x", None),
            ("de-de-de", None),
            ("de-de-latn", None),
            ("1", None),
        ] {
            assert_eq!(tag(part.as_bytes()).as_deref(), expected, "{part}");
        }
        assert_eq!(TWO_LETTERS.len() % 2, 0);
    }

    #[test]
    fn the_order_of_a_site_takes_regions_too() {
        let order = ["en".into(), "de".into()];
        assert_eq!(rank(Some(b"en"), &order), 0);
        assert_eq!(rank(Some(b"de-AT"), &order), 1);
        assert_eq!(rank(Some(b"den"), &order), u8::MAX);
        assert_eq!(rank(None, &order), u8::MAX);
    }
}
