package mykey

// DeriveKey derives the identifier of a public key in DER.
func (n *Namespace) DeriveKey(spki []byte, attempt uint32) ID { return n.derive(spki, attempt) }
