package tty

import (
	"context"
	"fmt"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// Ask shows a prompt and reads a line that is not echoed.
type Ask func(ctx context.Context, prompt string) ([]byte, error)

// At returns an Ask for a terminal. The terminal does not echo until it is closed. Input
// from before the prompt is discarded, since it could use up a PIN attempt.
func At(t Terminal) Ask {
	return func(ctx context.Context, prompt string) ([]byte, error) {
		line, err := []byte(nil), t.Hide()
		if err == nil {
			t.DiscardTyped()
			fmt.Fprint(t, prompt)
			line, err = t.ReadHidden(ctx)
			fmt.Fprintln(t)
		}
		if err != nil {
			err = fmt.Errorf("%w: %w", jpki.ErrPINFormat, err)
		}
		return line, err
	}
}

// NoTerminal returns an error with the message that there is no terminal to ask for the
// PIN.
func NoTerminal(err error) error {
	return cli.Because(err, cli.CodeNoTerminal, TextNoTerminal, textNoTerminalNext)
}

// PromptPIN returns the prompt for the PIN, with the attempts left.
func PromptPIN(counter credential.Counter) message.Text {
	prompt := cli.Formatted(textAskPIN, counter.Remaining)
	if counter.Remaining == 1 {
		prompt = textAskLastAttempt.And(prompt)
	}
	return prompt
}

// ReadPIN asks for a PIN and parses the answer.
func ReadPIN(ctx context.Context, ask Ask, prompt string) (jpki.PIN, error) {
	line, err := ask(ctx, prompt)
	defer clear(line)
	if ctx.Err() != nil {
		return jpki.PIN{}, ctx.Err()
	}
	if err != nil {
		return jpki.PIN{}, err
	}
	return jpki.ParsePIN(withoutLineEnd(line))
}

// IsEmpty reports whether only Enter was pressed.
func IsEmpty(line []byte) bool { return len(withoutLineEnd(line)) == 0 }

func withoutLineEnd(line []byte) []byte {
	for _, end := range []byte{'\n', '\r'} {
		if n := len(line); n > 0 && line[n-1] == end {
			line = line[:n-1]
		}
	}
	return line
}

var (
	textAskPIN = message.Text{
		JA: "利用者証明用電子証明書の暗証番号（数字4けた）を入力し、Enterを押して\n" +
			"ください。コンビニ交付やマイナポータルで使う番号です。\n" +
			"入力した数字は表示されません。入力できるのは、あと%d回です。\n暗証番号: ",
		EN: "Enter the 4-digit PIN for user authentication and press Enter. It is the one\n" +
			"used for Mynaportal and for certificates at convenience stores. It is not shown.\n" +
			"Attempts left: %d.\nPIN: ",
	}
	textAskLastAttempt = message.Text{
		JA: "あと1回です。まちがえると暗証番号がロックされ、市区町村の窓口での再設定が\n" +
			"必要になります。自信がないときは、何も入力せずにEnterを押すと中止できます。\n" +
			"残りの回数は減りません。",
		EN: "This is the last attempt. A wrong entry locks the PIN until the municipal\n" +
			"office resets it. If you are not sure, press only Enter to stop. That does\n" +
			"not use the attempt.",
	}
	// TextNoTerminal says that there is no terminal to ask for the PIN.
	TextNoTerminal = message.Text{
		JA: "暗証番号を入力できるターミナルがありません。\n暗証番号は送っていません。",
		EN: "There is no terminal to ask for the PIN.\nNo PIN was sent.",
	}
	textNoTerminalNext = message.Text{
		JA: "担当者の方へ: ターミナルで実行するか、--pin-stdin で標準入力から\n渡してください。",
		EN: "For staff: run the command in a terminal, or pipe the PIN in with --pin-stdin.",
	}
)
