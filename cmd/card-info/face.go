package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/apdu"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/jp2"
	"github.com/mykeykit/mykeykit/internal/keyfile"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/jpki/credential"
	"github.com/mykeykit/mykeykit/jpki/face"
	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/jpki/verification"
	"github.com/mykeykit/mykeykit/reader"
)

func (p *program) faceCommand() *cobra.Command {
	var o surfaceOptions
	c := &cobra.Command{
		Use: "face --photo FILE", Short: p.Say(textFaceShort), Long: p.Say(textFaceLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.face(c.Context(), o) },
	}
	p.surfaceFlags(c, &o, byNumberB, textFlagByFace)
	c.Flags().StringVar(&o.photo, "photo", "", p.Say(textFlagPhoto))
	return c
}

// faceJSON is what face prints as JSON.
type faceJSON struct {
	Birth     string       `json:"birth"`
	Sex       string       `json:"sex"`
	Photo     string       `json:"photo"` // file
	Unsigned  unsignedJSON `json:"not_signed"`
	Authority trust.Issuer `json:"authority"`
	Checked   []string     `json:"checked"`
	Unchecked []string     `json:"not_checked"`
}

type unsignedJSON struct {
	Expiry string `json:"expiry"`
}

// face reads what is printed on the card, and writes the photograph to a file.
func (p *program) face(ctx context.Context, o surfaceOptions) error {
	if o.photo == "" {
		return p.Misuse(textPhotoMissing, errors.New("--photo: not given"))
	}
	if err := p.isOneOf(o.by, []string{byNumberB, byNumberA}); err != nil {
		return err
	}
	policy, err := p.policy(o.authorities)
	if err != nil {
		return err
	}
	if err := keyfile.CheckNew(o.photo); err != nil {
		return photoFailure(err)
	}
	var secret face.Secret
	defer func() { secret.Wipe() }()
	name, shown, err := p.enter(ctx, o, faceEntry(o.by, &secret))
	if err != nil {
		return withoutApplication(err)
	}
	r := face.Reader{Policy: policy, AllowLastAttempt: o.allowLastAttempt, Shown: shown}
	var data *face.Data
	err = p.withSurface(ctx, name, &r.ShortLengths, func(card reader.Card) error {
		data, err = r.Read(ctx, card, secret)
		return err
	})
	if err != nil {
		return err
	}
	if err := writePhoto(o.photo, data.PhotoJP2()); err != nil {
		return err
	}
	if p.JSON {
		checked, unchecked := checks(data.Issuer(), true)
		return cli.WriteJSON(p.stdout, faceJSON{isoDate(data.Birth()), sexName(data.Sex()), o.photo, unsignedJSON{isoDate(data.Unsigned().Expiry())}, data.Issuer(), checked, unchecked})
	}
	t := table{program: p}
	t.row(textRowBirth, same(isoDate(data.Birth())))
	t.row(textRowSex, textSex(data.Sex()))
	t.row(textRowPhoto, same(termtext.Printable(o.photo)))
	t.row(textRowUnsigned, cli.Formatted(textUnsignedExpiry, isoDate(data.Unsigned().Expiry())))
	p.writeChecks(&t, data.Issuer(), true)
	return t.write(p.stdout)
}

func faceEntry(by string, secret *face.Secret) entry {
	if by == byNumberA {
		return entry{textAskNumberA, func(typed []byte) error {
			a, err := verification.ParseNumberA(typed)
			*secret = face.ByNumberA(a)
			return err
		}, func(ctx context.Context, card apdu.Transmitter) (credential.Counter, error) {
			a, err := face.Counters(ctx, card)
			return a.NumberA, err
		}}
	}
	return entry{textAskNumberB, func(typed []byte) error {
		b, err := verification.ParseNumberB(typed)
		*secret = face.ByNumberB(b)
		return err
	}, func(ctx context.Context, card apdu.Transmitter) (credential.Counter, error) {
		a, err := face.Counters(ctx, card)
		return a.NumberB, err
	}}
}

func photoFailure(err error) error {
	return cli.Because(fmt.Errorf("--photo: %w", err), codePhotoFile, textPhotoFile, textPhotoFileNext)
}

// writePhoto writes the photograph to a new file, which only its owner can read: as the card has it if
// the name ends with .jp2, and as PNG otherwise.
func writePhoto(path string, photo []byte) error {
	if !strings.HasSuffix(path, ".jp2") {
		picture, err := jp2.Decode(photo)
		if err != nil {
			return cli.Because(err, codePhoto, textPhotoUnreadable, textPhotoUnreadableNext)
		}
		var encoded bytes.Buffer
		if err := png.Encode(&encoded, picture); err != nil {
			return err
		}
		photo = encoded.Bytes()
	}
	if err := keyfile.WriteNew(path, photo); err != nil {
		return photoFailure(err)
	}
	return nil
}
