package apdu

// ObjectLength is for a benchmark.
var ObjectLength = objectLength
