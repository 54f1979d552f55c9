package terminal

// ErrTerminalTaken is for tests.
var ErrTerminalTaken = errTerminalTaken
