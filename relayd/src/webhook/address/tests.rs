use super::*;

fn guard(networks: &[&str], answers: &'static [&'static str]) -> Guard {
    let allowed = networks.iter().map(|text| text.parse().unwrap()).collect();
    let resolver = Resolver::of(|_| Ok(answers.iter().map(|text| text.parse().unwrap()).collect()));
    Guard::new(allowed, resolver)
}

async fn verdict(guard: &Guard, url: &str) -> Result<Vec<SocketAddr>, LookupError> {
    guard.resolve(&Target::parse(url).unwrap(), ()).await
}

/// Spellings of hosts that lead where no delivery may go, as the URL standard reads them: decimal, octal, hexadecimal and short
/// IPv4 forms, IPv6 forms with IPv4 inside, full-width digits, and every special network at both ends.
const REFUSED: [&str; 84] = [
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://017700000001/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://0x7f.1/",
    "https://127.0.0.1./",
    "https://127.255.255.254/",
    "https://%31%32%37.0.0.1/",
    "https://１２７.0.0.1/",
    "https://①②⑦.0.0.1/",
    "https://0/",
    "https://0.0.0.0/",
    "https://0.255.255.255/",
    "https://10.0.0.0/",
    "https://10.255.255.255/",
    "https://0xa000001/",
    "https://012.1/",
    "https://100.64.0.0/",
    "https://100.127.255.255/",
    "https://169.254.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/",
    "https://0xa9fea9fe/",
    "https://0xa9.0xfe.0xa9.0xfe/",
    "https://0251.0376.0251.0376/",
    "https://172.16.0.0/",
    "https://172.31.255.255/",
    "https://192.0.0.1/",
    "https://192.0.0.170/",
    "https://192.0.2.1/",
    "https://192.88.99.1/",
    "https://192.168.0.0/",
    "https://192.168.255.255/",
    "https://0xc0a80001/",
    "https://198.18.0.0/",
    "https://198.19.255.255/",
    "https://198.51.100.7/",
    "https://203.0.113.7/",
    "https://224.0.0.1/",
    "https://239.255.255.255/",
    "https://240.0.0.1/",
    "https://255.255.255.254/",
    "https://255.255.255.255/",
    "https://4294967295/",
    "https://[::]/",
    "https://[::1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[::127.0.0.1]/",
    "https://[::7f00:1]/",
    "https://[::8.8.8.8]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://[::ffff:169.254.169.254]/",
    "https://[::ffff:8.8.8.8]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[64:ff9b::127.0.0.1]/",
    "https://[64:ff9b::a9fe:a9fe]/",
    "https://[64:ff9b::8.8.8.8]/",
    "https://[64:ff9b:1::10.0.0.1]/",
    "https://[64:ff9b:1:ffff::1]/",
    "https://[2002:7f00:1::]/",
    "https://[2002:a9fe:a9fe::1]/",
    "https://[2002:808:808::1]/",
    "https://[2001::1]/",
    "https://[2001:0:0:0:0:0:80ff:fffe]/",
    "https://[2001:2::1]/",
    "https://[2001:10::1]/",
    "https://[2001:20::1]/",
    "https://[2001:db8::1]/",
    "https://[3fff::1]/",
    "https://[3fff:fff:ffff::1]/",
    "https://[fc00::1]/",
    "https://[fdff:ffff::1]/",
    "https://[fe80::1]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[100::1]/",
    "https://[5f00::1]/",
    "https://[4000::1]/",
];

const LET_THROUGH: [&str; 22] = [
    "https://1.1.1.1/",
    "https://134744072/",
    "https://8.8.8.8:8443/hook",
    "https://9.255.255.255/",
    "https://11.0.0.0/",
    "https://100.63.255.255/",
    "https://100.128.0.0/",
    "https://126.255.255.255/",
    "https://128.0.0.0/",
    "https://169.253.255.255/",
    "https://172.15.255.255/",
    "https://172.32.0.0/",
    "https://192.0.1.0/",
    "https://192.167.255.255/",
    "https://192.169.0.0/",
    "https://198.17.255.255/",
    "https://198.20.0.0/",
    "https://223.255.255.255/",
    "https://[2001:200::1]/",
    "https://[2606:4700:4700::1111]/",
    "https://[2a00:1450:4001::1]/",
    "https://[3ffe::1]/",
];

#[tokio::test]
async fn no_spelling_leads_inside() {
    let guard = guard(&[], &[]);
    for url in REFUSED {
        assert_eq!(
            verdict(&guard, url).await,
            Err(LookupError::Refused),
            "{url}"
        );
    }
    for url in LET_THROUGH {
        assert_eq!(verdict(&guard, url).await.unwrap().len(), 1, "{url}");
    }
}

#[tokio::test]
async fn one_bad_address_spoils_the_others() {
    const NAME: &str = "https://hooks.example/";
    let judge = async |answers| verdict(&guard(&[], answers), NAME).await;
    let refused = Err(LookupError::Refused);
    assert_eq!(judge(&["8.8.8.8", "1.1.1.1"]).await.unwrap().len(), 2);
    assert_eq!(judge(&["8.8.8.8", "8.8.8.8"]).await.unwrap().len(), 1);
    assert_eq!(judge(&["8.8.8.8", "127.0.0.1"]).await, refused);
    assert_eq!(judge(&["10.0.0.1", "8.8.8.8"]).await, refused);
    assert_eq!(judge(&["8.8.8.8", "::1"]).await, refused);
    assert_eq!(judge(&["8.8.8.8", "::ffff:8.8.8.8"]).await, refused);
    assert_eq!(judge(&[]).await, Err(LookupError::Unresolved));
    let failing = Guard::new(
        Vec::new(),
        Resolver::of(|_| Err(io::ErrorKind::NotFound.into())),
    );
    let failed = verdict(&failing, NAME).await;
    assert_eq!(failed, Err(LookupError::Unresolved));
    let many = Guard::new(
        Vec::new(),
        Resolver::of(|_| {
            let addresses = (0..=MOST_ADDRESSES).map(|n| [8, 8, 8, u8::try_from(n).unwrap()]);
            Ok(addresses.map(IpAddr::from).collect())
        }),
    );
    assert_eq!(verdict(&many, NAME).await, refused);
}

#[tokio::test]
async fn configured_networks_are_let_through_and_nothing_beside_them() {
    let guard = guard(&["127.0.0.0/8", "64:ff9b::/96", "fd00::/8"], &[]);
    for url in [
        "https://127.0.0.1/",
        "https://127.255.0.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::8.8.8.8]/",
        "https://[64:ff9b::127.0.0.1]/",
        "https://[fd00::1]/",
        "https://8.8.8.8/",
    ] {
        assert!(verdict(&guard, url).await.is_ok(), "{url}");
    }
    for url in [
        "https://10.0.0.1/",
        "https://[::1]/",
        "https://[64:ff9b::10.0.0.1]/",
        "https://[64:ff9b:1::8.8.8.8]/",
        "https://[fc00::1]/",
    ] {
        assert_eq!(
            verdict(&guard, url).await,
            Err(LookupError::Refused),
            "{url}"
        );
    }
}

#[test]
fn an_address_of_this_machine_is_known_without_sending_to_it() {
    assert!(is_own([127, 0, 0, 1].into()));
    assert!(!is_own([8, 8, 8, 8].into()));
}
