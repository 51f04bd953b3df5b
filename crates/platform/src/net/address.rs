//! Classification of addresses: public internet or not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The reason why an address is not on the public internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    /// An address of this host.
    #[error("it is this host itself")]
    Loopback,
    /// A private network (RFC 1918), or unique local (RFC 4193).
    #[error("it is in a private network")]
    Private,
    /// Link-local; clouds place their metadata services there.
    #[error("it is link-local")]
    LinkLocal,
    /// Shared address space of a carrier (RFC 6598).
    #[error("it is in a carrier's network")]
    CarrierGrade,
    /// The metadata service of a cloud, at an otherwise public address.
    #[error("it is a metadata service")]
    Metadata,
    /// A multicast address.
    #[error("it is a multicast address")]
    Multicast,
    /// An IPv4 address embedded in an IPv6 address: mapped, translated or tunnelled.
    #[error("it stands for an IPv4 address")]
    EmbedsIpv4,
    /// Reserved for documentation, tests or future use (RFC 6890).
    #[error("it is reserved")]
    Reserved,
}

/// Whether an address is on the public internet.
pub fn is_public(address: IpAddr) -> bool {
    why_not_public(address).is_none()
}

/// The reason why an address is not on the public internet; `None` if it is.
pub fn why_not_public(address: IpAddr) -> Option<Unreachable> {
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address),
    }
}

fn v4(address: Ipv4Addr) -> Option<Unreachable> {
    Some(match address.octets() {
        [127, ..] => Unreachable::Loopback,
        // "This network": many systems connect to themselves.
        [0, ..] => Unreachable::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Unreachable::Private,
        [169, 254, ..] => Unreachable::LinkLocal,
        [100, 64..=127, ..] => Unreachable::CarrierGrade,
        // Azure's metadata service, reachable from every machine there.
        [168, 63, 129, 16] => Unreachable::Metadata,
        [224..=239, ..] => Unreachable::Multicast,
        [192, 88, 99, _] => Unreachable::EmbedsIpv4,
        [192, 0, 0 | 2, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [240..=255, ..] => Unreachable::Reserved,
        _ => return None,
    })
}

fn v6(address: Ipv6Addr) -> Option<Unreachable> {
    Some(match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => Unreachable::Loopback,
        // Mapped, compatible, translated (RFC 6052, 8215), 6to4.
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => Unreachable::EmbedsIpv4,
        [0x64, 0xff9b, ..] | [0x2002, ..] => Unreachable::EmbedsIpv4,
        [0xfc00..=0xfdff, ..] => Unreachable::Private,
        [0xfe80..=0xfebf, ..] => Unreachable::LinkLocal,
        [0xfec0..=0xfeff, ..] => Unreachable::Private,
        [0xff00..=0xffff, ..] => Unreachable::Multicast,
        // Protocol assignments (Teredo and others, RFC 2928) and documentation.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => {
            Unreachable::Reserved
        }
        [0x2000..=0x3fff, ..] => return None,
        _ => Unreachable::Reserved,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_public() {
        use Unreachable as U;
        let table = [
            ("93.184.215.14", None),
            ("1.1.1.1", None),
            ("100.63.255.255", None),
            ("100.128.0.0", None),
            ("172.15.255.255", None),
            ("172.32.0.0", None),
            ("192.0.1.1", None),
            ("223.255.255.255", None),
            ("2606:4700::1111", None),
            ("2a00:1450:4001:800::200e", None),
            ("127.0.0.1", Some(U::Loopback)),
            ("127.255.255.254", Some(U::Loopback)),
            ("0.0.0.0", Some(U::Loopback)),
            ("0.1.2.3", Some(U::Loopback)),
            ("10.0.0.1", Some(U::Private)),
            ("172.16.0.1", Some(U::Private)),
            ("172.31.255.255", Some(U::Private)),
            ("192.168.1.1", Some(U::Private)),
            ("169.254.169.254", Some(U::LinkLocal)),
            ("100.64.0.1", Some(U::CarrierGrade)),
            ("100.100.100.200", Some(U::CarrierGrade)),
            ("168.63.129.16", Some(U::Metadata)),
            ("224.0.0.1", Some(U::Multicast)),
            ("239.255.255.255", Some(U::Multicast)),
            ("192.88.99.1", Some(U::EmbedsIpv4)),
            ("192.0.0.192", Some(U::Reserved)),
            ("192.0.2.1", Some(U::Reserved)),
            ("198.18.0.1", Some(U::Reserved)),
            ("198.51.100.1", Some(U::Reserved)),
            ("203.0.113.1", Some(U::Reserved)),
            ("240.0.0.1", Some(U::Reserved)),
            ("255.255.255.255", Some(U::Reserved)),
            ("::", Some(U::Loopback)),
            ("::1", Some(U::Loopback)),
            ("::ffff:127.0.0.1", Some(U::EmbedsIpv4)),
            ("::ffff:1.1.1.1", Some(U::EmbedsIpv4)),
            ("::ffff:0:10.0.0.1", Some(U::EmbedsIpv4)),
            ("::10.0.0.1", Some(U::EmbedsIpv4)),
            ("64:ff9b::a9fe:a9fe", Some(U::EmbedsIpv4)),
            ("64:ff9b:1::1", Some(U::EmbedsIpv4)),
            ("2002:7f00:1::", Some(U::EmbedsIpv4)),
            ("2001::1", Some(U::Reserved)),
            ("2001:db8::1", Some(U::Reserved)),
            ("3fff::1", Some(U::Reserved)),
            ("fd00:ec2::254", Some(U::Private)),
            ("fc00::1", Some(U::Private)),
            ("fe80::1", Some(U::LinkLocal)),
            ("fec0::1", Some(U::Private)),
            ("ff02::1", Some(U::Multicast)),
            ("100::1", Some(U::Reserved)),
            ("4000::1", Some(U::Reserved)),
        ];
        for (address, why) in table {
            assert_eq!(why_not_public(address.parse().unwrap()), why, "{address}");
        }
    }
}
