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

// result is the result of a step.
type result string

const (
	resultOK      result = "ok"
	resultNG      result = "ng"
	resultSkipped result = "skipped"
)

// step is one step of doctor's examination.
type step struct {
	Name   string       `json:"step"`
	Result result       `json:"result"`
	Found  string       `json:"found,omitempty"` // names of readers or kernel modules
	Code   message.Code `json:"code,omitempty"`  // this and the following: only of an NG
	Cause  *Text        `json:"cause,omitempty"`
	Next   *Text        `json:"next,omitempty"`
}

// diagnosis is doctor's result.
type diagnosis struct {
	OK       bool      `json:"ok"`
	Steps    []step    `json:"steps"`
	Programs []process `json:"programs"` // running programs that are known to hold cards
	Warnings []Text    `json:"warnings,omitempty"`
}

// reportedError is the error that doctor returns. The text output reports it already, at
// its step.
type reportedError struct{ error }

func (d reportedError) Unwrap() error { return d.error }

// doctor checks, from the service to the card, everything that a signature needs, step by
// step. It sends no PIN.
func (p *program) doctor(ctx context.Context) error {
	e := examination{program: p, done: map[string]step{}}
	e.examine(ctx)
	if ctx.Err() != nil {
		return ctx.Err() // interrupted: print no diagnosis
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
		return reportedError{e.problem}
	}
	return nil
}

// examination is the state of doctor's examination.
type examination struct {
	*program
	done    map[string]step
	problem error // the error of the first NG

	warnings []Text
}

// note records the result of a step.
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

// examine runs the steps in order until one fails.
func (e *examination) examine(ctx context.Context) {
	readers, err := e.driver.Readers(ctx)
	if err != nil {
		if e.simulated == nil {
			err = e.system.diagnoseService(e.getenv, err)
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

// examineDriver compares the readers that are plugged in with those that PC/SC knows, and
// looks for kernel drivers that hold a reader. If PC/SC knows a reader, an NFC device
// that the kernel holds is only a warning: it may be built into the computer.
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
		e.warnings = append(e.warnings, what.And(next))
	}
	switch {
	case plugged == 0: // no USB reader to compare
	case plugged > known:
		e.note(stepDriver, "", errNoDriver)
	default:
		e.note(stepDriver, "", nil)
	}
}

// examineCard runs the steps of the card, the application and the exchange.
func (e *examination) examineCard(ctx context.Context) {
	current := stepCard
	e.examining = true
	err := e.withCard(ctx, e.reader, func(name string, card reader.Card) error {
		e.note(stepCard, termtext.Printable(name), nil)
		current = stepApplication
		return jpki.Do(ctx, card, func(a *jpki.Application) error {
			e.note(stepApplication, "", nil)
			current = stepExchange
			err := a.ProbeFullResponse(ctx)
			if errors.Is(err, jpki.ErrNoCertificate) {
				return nil // the card has no file of that length: skipped
			}
			if err == nil {
				e.note(stepExchange, "", nil)
			}
			return err
		})
	})
	if errors.Is(err, reader.ErrNoMatch) && current == stepCard { // all cards are of another kind
		e.note(stepCard, "", nil)
		current = stepApplication
	}
	if err != nil {
		e.note(current, "", err)
	}
}

func namesOf(readers []reader.Reader) string {
	var names []string
	for _, r := range readers {
		names = append(names, termtext.Printable(r.Name))
	}
	return strings.Join(names, ", ")
}

// countVirtual counts the virtual readers, by their names.
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
	summary := textDoctorNG
	if d.OK {
		summary = textDoctorOK
	}
	line("", p.Say(summary))
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
