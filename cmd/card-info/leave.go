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

func (p *program) leaveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "leave", Short: p.Say(textLeaveShort), Long: p.Say(textLeaveLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.leave(c.Context()) },
	}
}

// leaveLimit bounds how long listing the readers may take, and each card.
const leaveLimit = 5 * time.Second

// leaving is what became of the card in a reader.
type leaving string

const (
	leftLoggedOut leaving = "logged-out"
	leftNoCard    leaving = "no-card"
	leftOtherCard leaving = "not-my-number-card"
	leftBusy      leaving = "busy"
	leftUnsure    leaving = "failed"
)

var (
	textLeaveNoCard = Text{JA: "カードがありません。ログアウトするものはありません。", EN: "There is no card, so there is nothing to log out."}
	textLeaveShort  = Text{JA: "リーダーにあるカードをログアウトします", EN: "Log out the cards in the readers"}
	textLeaveLong   = Text{
		JA: `リーダーにあるマイナンバーカードをログアウトします。
暗証番号は使わず、入力できる回数も減りません。

カードは、暗証番号を確認した状態を、プログラムが終わった後も保つことがあります。
カードを使うプログラムが強制終了されたときに、このコマンドを実行してください。

--reader を付けないと、カードのあるすべてのリーダーが対象です。ほかの種類の
カードはそのままにします。
ログアウトできなかったカードがあると、終了コードは1です。`,
		EN: `Log out the My Number Cards in the readers. It uses no PIN and no attempt.

A card may stay unlocked after the program that sent the PIN has ended. Run this
command when a program that uses the card was killed.

Without --reader it logs out the card in every reader. Cards of other kinds are
left alone. It exits with 1 if a card could not be logged out.`,
	}
)

func textLeaving() map[leaving]Text {
	return map[leaving]Text{
		leftLoggedOut: {JA: "ログアウトしました", EN: "logged out"},
		leftNoCard:    {JA: "カードなし", EN: "empty"},
		leftOtherCard: {JA: "マイナンバーカードではありません", EN: "not a My Number Card"},
		leftBusy:      {JA: "ほかのプログラムが使用中のため、ログアウトできませんでした", EN: "in use by another program: could not be logged out"},
		leftUnsure:    {JA: "ログアウトできませんでした", EN: "could not be logged out"},
	}
}

// leftReader is one line of leave --json.
type leftReader struct {
	Reader string  `json:"reader"`
	Result leaving `json:"result"`
}

// leave logs out the card in the reader that was named, or in each reader that holds
// one. It fails if one of them may still be unlocked.
func (p *program) leave(ctx context.Context) error {
	names, err := p.toLeave(ctx)
	if err != nil {
		return err
	}
	list := []leftReader{}
	t := table{program: p}
	var failed error
	for _, name := range names {
		result, err := p.leaveCard(ctx, name)
		failed = errors.Join(failed, err)
		name = termtext.Printable(name)
		list = append(list, leftReader{name, result})
		t.row(Text{JA: name, EN: name}, textLeaving()[result])
	}
	if len(names) == 0 {
		t.line(textLeaveNoCard)
	}
	if p.JSON {
		err = cli.WriteJSON(p.stdout, map[string]any{"readers": list})
	} else {
		err = t.write(p.stdout)
	}
	if failed != nil {
		return failed // also if it could not be written
	}
	return err
}

// toLeave are the readers with cards. That there is none is no failure.
func (p *program) toLeave(ctx context.Context) (names []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, leaveLimit)
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

// leaveCard logs out the card in a reader, also one that another program resets
// meanwhile: pcscd does so when it finds that a program has died.
func (p *program) leaveCard(ctx context.Context, name string) (leaving, error) {
	limited, cancel := context.WithTimeout(ctx, leaveLimit)
	defer cancel()
	err := p.logOut(limited, name)
	for errors.Is(err, reader.ErrChanged) && limited.Err() == nil {
		err = p.logOut(limited, name)
	}
	switch {
	case err == nil:
		return leftLoggedOut, nil
	case errors.Is(err, reader.ErrNoCard), errors.Is(err, reader.ErrRemoved), errors.Is(err, reader.ErrNoReader): // unplugged
		return leftNoCard, nil
	case errors.Is(err, jpki.ErrNoApplication):
		return leftOtherCard, nil
	case ctx.Err() != nil:
		return leftUnsure, errors.Join(ctx.Err(), err)
	case errors.Is(err, reader.ErrBusy), limited.Err() != nil:
		return leftBusy, errors.Join(reader.ErrBusy, err)
	}
	return leftUnsure, err
}

// logOut connects to a card and logs it out. Closing the connection cuts the card's
// power then, if no other program is connected; a card of another kind keeps it, where
// the driver can do that.
func (p *program) logOut(ctx context.Context, name string) error {
	_, card, err := p.connect(ctx, name)
	if err != nil {
		return fmt.Errorf("%w: %w", jpki.ErrStillUnlocked, err)
	}
	defer card.Close()
	err = jpki.LogOut(ctx, card)
	if keeper, ok := card.(reader.PowerKeeper); ok && errors.Is(err, jpki.ErrNoApplication) {
		keeper.KeepPower()
	}
	return err
}
