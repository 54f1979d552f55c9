package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/jpki"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/reader"
)

func (p *program) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: p.Say(textDoctorShort), Long: p.Say(textDoctorLong), Args: cli.NoArguments,
		RunE: func(c *cobra.Command, _ []string) error { return p.doctor(c.Context()) },
	}
}

// result is what became of a step.
type result string

const (
	resultOK      result = "ok"
	resultNG      result = "ng"
	resultSkipped result = "skipped"
)

// step is one thing that doctor looked at.
type step struct {
	Name   string       `json:"step"`
	Result result       `json:"result"`
	Found  string       `json:"found,omitempty"` // names of readers and the like
	Code   message.Code `json:"code,omitempty"`  // of an NG, with what follows
	Cause  *Text        `json:"cause,omitempty"`
	Next   *Text        `json:"next,omitempty"`
}

// diagnosis is what doctor found out.
type diagnosis struct {
	OK       bool      `json:"ok"`
	Steps    []step    `json:"steps"`
	Programs []process `json:"programs"` // that are known to hold cards
	Warnings []Text    `json:"warnings,omitempty"`
}

// diagnosed is the failure that doctor ends with: in text, the steps have told
// it already.
type diagnosed struct{ error }

func (d diagnosed) Unwrap() error { return d.error }

// doctor goes from the service to the card, step by step, up to what a signature
// will need, and sends no PIN.
func (p *program) doctor(ctx context.Context) error {
	e := examination{program: p, done: map[string]step{}}
	e.examine(ctx)
	if ctx.Err() != nil {
		return ctx.Err() // interrupted: nobody waits for a diagnosis
	}
	d := diagnosis{OK: e.problem == nil, Programs: []process{}, Warnings: e.warnings}
	for _, name := range stepNames {
		s, done := e.done[name]
		if !done {
			s = step{Name: name, Result: resultSkipped}
		}
		d.Steps = append(d.Steps, s)
	}
	if p.simulated == nil {
		d.Programs = append(d.Programs, p.system.holders()...)
		if p.system.logsCommands() {
			d.Warnings = append(d.Warnings, textPCSCDLogs)
		}
	}
	if err := p.writeDiagnosis(d); err != nil {
		return err
	}
	if e.problem != nil {
		return diagnosed{e.problem}
	}
	return nil
}

// examination is what doctor has done so far.
type examination struct {
	*program
	done    map[string]step
	problem error // what the first NG is about

	warnings []Text
}

// note is how a step came out.
func (e *examination) note(name, found string, err error) {
	s := step{Name: name, Result: resultOK, Found: found}
	if err != nil {
		m := messageFor(err)
		if m.Code == message.ExchangeFailed && e.system.os == "darwin" {
			m.Next = textExchangeOnMac
		}
		if remedy, ok := e.system.polkitRemedy(); ok && m.Code == message.PCSCDenied && !errors.As(err, new(*cli.Failure)) {
			m.Next = remedy
		}
		s.Result, s.Code, s.Cause, s.Next = resultNG, m.Code, &m.What, &m.Next
		if e.problem == nil {
			e.problem = err
		}
	}
	e.done[name] = s
}

// examine goes as far as it gets.
func (e *examination) examine(ctx context.Context) {
	readers, err := e.driver.Readers(ctx)
	if err != nil {
		if e.simulated == nil {
			err = e.system.whyNoService(e.getenv, err)
		}
		if errors.Is(err, reader.ErrDenied) {
			e.note(stepService, "", nil)
			e.note(stepAccess, "", err)
		} else {
			e.note(stepService, "", err)
		}
		return
	}
	e.note(stepService, "", nil)
	e.note(stepAccess, "", nil)
	if len(readers) == 0 {
		err = reader.ErrNoReader
	}
	e.note(stepReaders, namesOf(readers), err)
	e.examineDriver(readers)
	if err == nil {
		e.examineCard(ctx)
	}
}

// examineDriver compares what is plugged in with what PC/SC knows, and looks for
// kernel drivers that hold a reader. If PC/SC knows a reader, an NFC device that
// the kernel holds is worth no more than a warning: it may be part of the
// computer.
func (e *examination) examineDriver(readers []reader.Reader) {
	if e.simulated != nil {
		return
	}
	plugged, known, holders := e.system.usbReaders(), len(readers)-countVirtual(readers), e.system.kernelHolders()
	certain := slices.ContainsFunc(holders, func(h holder) bool { return h.certain })
	switch {
	case len(holders) > 0 && (certain || known == 0):
		e.note(stepDriver, namesOfModules(holders), errKernelHolds(holders))
		return
	case len(holders) > 0:
		what, next := kernelHoldsTexts(holders)
		e.warnings = append(e.warnings, Text{JA: what.JA + "\n" + next.JA, EN: what.EN + "\n" + next.EN})
	}
	switch {
	case plugged == 0: // nothing to compare
	case plugged > known:
		e.note(stepDriver, "", errNoDriver)
	default:
		e.note(stepDriver, "", nil)
	}
}

// examineCard goes on with the card, the application and the exchange.
func (e *examination) examineCard(ctx context.Context) {
	at := stepCard
	e.examining = true
	err := e.withCard(ctx, e.reader, func(name string, card reader.Card) error {
		e.note(stepCard, termtext.Printable(name), nil)
		at = stepApplication
		return jpki.Do(ctx, card, func(a *jpki.Application) error {
			e.note(stepApplication, "", nil)
			at = stepExchange
			err := a.ProbeExchange(ctx)
			if errors.Is(err, jpki.ErrNoCertificate) {
				at = "" // the card has nothing of that length
				return nil
			}
			if err == nil {
				e.note(stepExchange, "", nil)
			}
			return err
		})
	})
	if errors.Is(err, reader.ErrNoMatch) && at == stepCard { // there are cards, of another kind
		e.note(stepCard, "", nil)
		at = stepApplication
	}
	if err != nil {
		e.note(at, "", err)
	}
}

func namesOf(readers []reader.Reader) string {
	var names []string
	for _, r := range readers {
		names = append(names, termtext.Printable(r.Name))
	}
	return strings.Join(names, ", ")
}

// countVirtual counts the readers that are made of software, as their names say.
func countVirtual(readers []reader.Reader) (n int) {
	for _, r := range readers {
		if strings.Contains(r.Name, "Virtual") {
			n++
		}
	}
	return n
}

func (p *program) writeDiagnosis(d diagnosis) error {
	if p.JSON {
		return cli.WriteJSON(p.stdout, d)
	}
	var b strings.Builder
	line := func(indent, text string) {
		for part := range strings.SplitSeq(text, "\n") {
			b.WriteString(strings.TrimRight(indent+part, " ") + "\n")
		}
	}
	line("", p.Say(textDoctorTitle))
	b.WriteString("\n")
	for _, s := range d.Steps {
		name := p.Say(textStep()[s.Name])
		if s.Found != "" {
			name += ": " + s.Found
		}
		line("", marks()[s.Result]+"  "+name)
		if s.Result == resultNG {
			line("    ", p.Say(*s.Cause))
			line("    ", p.Say(*s.Next))
		}
	}
	b.WriteString("\n")
	verdict := textDoctorNG
	if d.OK {
		verdict = textDoctorOK
	}
	line("", p.Say(verdict))
	if slices.ContainsFunc(d.Steps, func(s step) bool { return s.Result == resultSkipped }) {
		line("", p.Say(textDoctorSkipped))
	}
	if len(d.Programs) > 0 {
		b.WriteString("\n")
		line("", p.Say(textPrograms))
		for _, other := range d.Programs {
			line("", fmt.Sprintf("  %s (%d)", other.Name, other.PID))
		}
	}
	for _, warning := range d.Warnings {
		b.WriteString("\n")
		line("", p.Say(warning))
	}
	_, err := io.WriteString(p.stdout, b.String())
	return err
}

func marks() map[result]string {
	return map[result]string{resultOK: "OK", resultNG: "NG", resultSkipped: "--"}
}
