package trust

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
)

// Anchor identifies a CA certificate by its fingerprint.
type Anchor struct {
	Fingerprint [sha256.Size]byte // SHA-256 of the certificate
	// KeyID is its subject key identifier, by which certificates name their issuer (RFC 5280
	// §4.2.1.1). Anybody can copy an identifier, so a match proves nothing. If a certificate names
	// another identifier as its issuer's, this CA did not issue it.
	KeyID []byte
	// Certificate is the CA certificate. If it is nil, it is read from the card.
	Certificate *x509.Certificate
}

// jlis are J-LIS's CA certificates for user authentication. The comment of JLIS, the READMEs,
// docs/kiosk and the changelog name their years.
var jlis = [][2]string{
	// 2015-10-20 to 2025-10-19
	{"4DCFC4CA0AAF9FB2A3081B3F0C991C320B3ACC008667A341EEAEC5AF1D58CA7D", "9567951B5CA70D84A0FFF1D85A87F1AAB1340385"},
	// 2019-09-14 to 2029-09-14. Computed from two published copies of the
	// certificate, which agree and verify; not seen at J-LIS itself.
	{"0D98DE47FC11B7F67126874B7028B6026A803D2638D6EDFE53176953961FADE6", "8CD5586A891485E559379B7E29D410CFD28B3593"},
	// 2023-07-16 to 2033-07-15
	{"64114F29620C24ED2631D46476A040E7EE740D956089C00B036A6A8118C322B5", "1AC100F596A3BC8C4B3DF195E32699249E9E308A"},
}

// JLIS returns the anchors for J-LIS's CA certificates for user authentication of 2015, 2019 and
// 2023. The CA certificates for phones, which can have the JPKI application too, are not published,
// so JLIS does not include them.
func JLIS() []Anchor {
	anchors := make([]Anchor, len(jlis))
	for i, pair := range jlis {
		_, err := hex.Decode(anchors[i].Fingerprint[:], []byte(pair[0]))
		id, keyErr := hex.DecodeString(pair[1])
		if err != nil || keyErr != nil {
			panic("trust: malformed anchor") // a constant above
		}
		anchors[i].KeyID = id
	}
	return anchors
}

// matches reports whether a CA certificate is the anchor's.
func (a Anchor) matches(ca *x509.Certificate) bool {
	return a.Fingerprint == sha256.Sum256(ca.Raw)
}

// mayHaveIssued reports whether a certificate does not name another issuer.
func (a Anchor) mayHaveIssued(certificate *x509.Certificate) bool {
	return len(certificate.AuthorityKeyId) == 0 || bytes.Equal(certificate.AuthorityKeyId, a.KeyID)
}
