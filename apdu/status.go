package apdu

import "fmt"

// Status is a status word, SW1 SW2, ISO/IEC 7816-4:2020 §5.6. Status
// implements error, so that a status word other than 9000 can be returned as one.
type Status uint16

// Status words that this toolkit uses. 61xx and 6Cxx, whose second byte is a
// number of bytes, have no constants.
const (
	StatusOK Status = 0x9000

	StatusEndOfFile Status = 0x6282 // fewer bytes than Ne before the end of file

	StatusVerificationFailedUncounted Status = 0x6300 // wrong secret, attempts left unknown
	// StatusVerificationFailed matches all of 63C0 to 63CF with errors.Is. As a
	// value it means a wrong secret and no attempts left.
	StatusVerificationFailed Status = 0x63C0

	StatusWrongLength                 Status = 0x6700
	StatusLogicalChannelNotSupported  Status = 0x6881
	StatusSecureMessagingNotSupported Status = 0x6882
	StatusWrongFileType               Status = 0x6981
	StatusSecurityNotSatisfied        Status = 0x6982
	StatusAuthenticationBlocked       Status = 0x6983
	StatusReferenceDataUnusable       Status = 0x6984
	StatusConditionsNotSatisfied      Status = 0x6985
	StatusNoCurrentFile               Status = 0x6986
	StatusIncorrectData               Status = 0x6A80
	StatusFunctionNotSupported        Status = 0x6A81
	StatusFileNotFound                Status = 0x6A82
	StatusIncorrectP1P2               Status = 0x6A86
	StatusReferencedDataNotFound      Status = 0x6A88
	StatusWrongOffset                 Status = 0x6B00
	StatusInstructionNotSupported     Status = 0x6D00
	StatusClassNotSupported           Status = 0x6E00
	StatusNoDiagnosis                 Status = 0x6F00
)

var meanings = map[Status]string{
	StatusOK:                          "done",
	StatusEndOfFile:                   "end of file before the requested length",
	StatusVerificationFailedUncounted: "verification failed",
	StatusWrongLength:                 "wrong length",
	StatusLogicalChannelNotSupported:  "logical channel not supported",
	StatusSecureMessagingNotSupported: "secure messaging not supported",
	StatusWrongFileType:               "command does not fit the file",
	StatusSecurityNotSatisfied:        "security status not satisfied",
	StatusAuthenticationBlocked:       "authentication method blocked",
	StatusReferenceDataUnusable:       "reference data not usable",
	StatusConditionsNotSatisfied:      "conditions of use not satisfied",
	StatusNoCurrentFile:               "no current file",
	StatusIncorrectData:               "incorrect data",
	StatusFunctionNotSupported:        "function not supported",
	StatusFileNotFound:                "file or application not found",
	StatusIncorrectP1P2:               "incorrect parameters P1 P2",
	StatusReferencedDataNotFound:      "referenced data not found",
	StatusWrongOffset:                 "offset outside the file",
	StatusInstructionNotSupported:     "instruction not supported",
	StatusClassNotSupported:           "class not supported",
	StatusNoDiagnosis:                 "no precise diagnosis",
}

// Error returns the status word and its meaning, as in
// "status 6A82: file or application not found".
func (s Status) Error() string {
	return fmt.Sprintf("status %04X: %s", uint16(s), s.meaning())
}

func (s Status) meaning() string {
	if n, ok := s.Retries(); ok {
		return fmt.Sprintf("verification failed, attempts left: %d", n)
	}
	if text, ok := meanings[s]; ok {
		return text
	}
	switch s >> 8 {
	case 0x61:
		return "more data available"
	case 0x6C:
		return "wrong expected length"
	case 0x62, 0x63:
		return "warning"
	case 0x64, 0x65, 0x66:
		return "execution error"
	}
	return "not known to this toolkit"
}

// Is reports whether s is one of 63C0 to 63CF and target is
// [StatusVerificationFailed].
func (s Status) Is(target error) bool {
	_, counted := s.Retries()
	return counted && target == StatusVerificationFailed
}

// Retries returns the number of attempts left, which 63C0 to 63CF contain. For any
// other status word, including 6300, ok is false.
func (s Status) Retries() (n int, ok bool) {
	return int(s & 0x0F), s&0xFFF0 == StatusVerificationFailed
}

// more returns the number of bytes that a 61xx status announces (61 00: 256).
func (s Status) more() (n int, ok bool) {
	return lengthOr(int(s&0xFF), MaxShortNe), s>>8 == 0x61
}

// warning reports whether s is 62xx or 63xx, which may come with data.
func (s Status) warning() bool { return s>>8 == 0x62 || s>>8 == 0x63 }

// exact returns the length that a 6Cxx status asks for (6C 00: 256).
func (s Status) exact() (n int, ok bool) {
	return lengthOr(int(s&0xFF), MaxShortNe), s>>8 == 0x6C
}
