package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/reader"
)

func (p *program) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: p.Say(textLogoutShort), Long: p.Say(textLogoutLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.logout(c.Context()) },
	}
}

// logoutLimit is the time limit for listing the readers, and for each card.
const logoutLimit = 5 * time.Second

// logoutResult is the result of logging out the card in a reader.
type logoutResult string

const (
	logoutDone      logoutResult = "logged-out"
	logoutNoCard    logoutResult = "no-card"
	logoutOtherCard logoutResult = "not-my-number-card"
	logoutBusy      logoutResult = "busy"
	logoutFailed    logoutResult = "failed"
)

var (
	textLogoutNoCard = Text{JA: "ログアウトするカードがありません。", EN: "There is no card to log out."}
	textLogoutShort  = Text{JA: "リーダーにあるカードをログアウトします", EN: "Log out the cards in the readers"}
	textLogoutLong   = Text{
		JA: `リーダーにあるマイナンバーカードをログアウトします。
暗証番号は使わず、入力できる回数も減りません。

カードは、暗証番号を確認した状態を、プログラムが終わった後も保つことがあります。
カードを使うプログラムが強制終了されたときに、このコマンドを実行してください。

--reader を付けないと、カードのあるすべてのリーダーが対象です。ほかの種類の
カードはそのままにします。
ログアウトできなかったカードがあると、終了コードは1です。`,
		EN: `Log out the My Number Cards in the readers. No PIN is sent.

A card may stay unlocked after the program that sent the PIN has ended. Run this
command after a program that used the card was killed.

Without --reader it logs out the card in every reader. Cards of other kinds
are not changed. It exits with 1 if a card could not be logged out.`,
	}
)

func textLogoutResults() map[logoutResult]Text {
	return map[logoutResult]Text{
		logoutDone:      {JA: "ログアウトしました", EN: "logged out"},
		logoutNoCard:    {JA: "カードなし", EN: "empty"},
		logoutOtherCard: {JA: "マイナンバーカードではありません", EN: "not a My Number Card"},
		logoutBusy:      {JA: "ほかのプログラムが使用中のため、ログアウトできませんでした", EN: "in use by another program: could not be logged out"},
		logoutFailed:    {JA: "ログアウトできませんでした", EN: "could not be logged out"},
	}
}

// readerLogout is one reader in the output of logout --json.
type readerLogout struct {
	Reader string       `json:"reader"`
	Result logoutResult `json:"result"`
}

// logout logs out the card in the reader that --reader names, or in every reader that
// holds one. It fails if one of the cards may still be unlocked.
func (p *program) logout(ctx context.Context) error {
	names, err := p.cardReaders(ctx)
	if err != nil {
		return err
	}
	list := []readerLogout{}
	t := table{program: p}
	var failed error
	for _, name := range names {
		result, err := p.logoutCard(ctx, name)
		failed = errors.Join(failed, err)
		name = termtext.Printable(name)
		list = append(list, readerLogout{name, result})
		t.row(Text{JA: name, EN: name}, textLogoutResults()[result])
	}
	if len(names) == 0 {
		t.line(textLogoutNoCard)
	}
	if p.JSON {
		err = cli.WriteJSON(p.stdout, map[string]any{"readers": list})
	} else {
		err = t.write(p.stdout)
	}
	if failed != nil {
		return failed // even if the output could not be written
	}
	return err
}

// cardReaders returns the names of the readers that hold a card, which may be none.
func (p *program) cardReaders(ctx context.Context) (names []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, logoutLimit)
	defer cancel()
	if p.reader != "" {
		found, err := reader.Find(ctx, p.driver, p.reader, nil)
		if errors.Is(err, reader.ErrNoCard) {
			return nil, nil
		}
		return []string{found.Name}, err
	}
	readers, err := p.driver.Readers(ctx)
	for _, r := range readers {
		if r.Present {
			names = append(names, r.Name)
		}
	}
	return names, err
}

// logoutCard logs out the card in a reader. It retries if the card is reset meanwhile:
// pcscd does so when it notices that a program has died.
func (p *program) logoutCard(ctx context.Context, name string) (logoutResult, error) {
	limited, cancel := context.WithTimeout(ctx, logoutLimit)
	defer cancel()
	err := p.logOutOnce(limited, name)
	for errors.Is(err, reader.ErrChanged) && limited.Err() == nil {
		err = p.logOutOnce(limited, name)
	}
	switch {
	case err == nil:
		return logoutDone, nil
	case errors.Is(err, reader.ErrNoCard), errors.Is(err, reader.ErrRemoved), errors.Is(err, reader.ErrNoReader): // unplugged
		return logoutNoCard, nil
	case errors.Is(err, jpki.ErrNoApplication):
		return logoutOtherCard, nil
	case ctx.Err() != nil:
		return logoutFailed, errors.Join(ctx.Err(), err)
	case errors.Is(err, reader.ErrBusy), limited.Err() != nil:
		return logoutBusy, errors.Join(reader.ErrBusy, err)
	}
	return logoutFailed, err
}

// logOutOnce connects to a card and logs it out. Closing the connection also cuts the
// card's power if no other program is connected. A card of another kind keeps its power
// if the driver supports that.
func (p *program) logOutOnce(ctx context.Context, name string) error {
	_, card, err := p.connect(ctx, name)
	if err != nil {
		return fmt.Errorf("%w: %w", jpki.ErrStillUnlocked, err)
	}
	defer card.Close()
	err = jpki.LogOut(ctx, card)
	if powerCard, ok := card.(reader.PowerKeeper); ok && errors.Is(err, jpki.ErrNoApplication) {
		powerCard.KeepPower()
	}
	return err
}
