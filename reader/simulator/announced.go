package simulator

// generation2028 stands for the card announced for 2028. INVENTED: the announcement says
// only that it has EC P-384 keys, two secrets, and certificates valid for ten years.
// Identifiers, files, attempts and the signature scheme are made up, so that programs can
// be tested with another generation of the card. The real card will differ.
var generation2028 = generation{
	prefix:  "announced-2028/",
	aid:     "D392F000260100000002",
	atr:     atrContactExtended,
	label:   "INVENTED2028",
	years:   10,
	keys:    p384,
	schemes: []scheme{{p1: 0x10, digests: []int{32, 48, 64}}}, // the response is r and s

	tokenInformation: 0x0006,
	authentication:   credentialFiles{certificate: 0x0011, ca: 0x0012, key: 0x0013, secret: 0x0014, attempts: 3},
	signature:        credentialFiles{certificate: 0x0015, ca: 0x0016, key: 0x0017, secret: 0x0018, attempts: 5},
}
