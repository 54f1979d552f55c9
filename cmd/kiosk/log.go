package main

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"time"

	"github.com/mykeykit/mykeykit/cmd/kiosk/internal/terminal"
	"github.com/mykeykit/mykeykit/internal/cli"
	"github.com/mykeykit/mykeykit/internal/registrycli"
	"github.com/mykeykit/mykeykit/internal/termtext"
	"github.com/mykeykit/mykeykit/mykey/message"
	"github.com/mykeykit/mykeykit/mykey/registry"
)

// newLog returns the log of a terminal, which writes machine-readable lines to standard
// error. It contains no personal data.
func (p *program) newLog(format, terminal string) (*slog.Logger, error) {
	var handler slog.Handler
	switch format {
	case "text":
		handler = slog.NewTextHandler(p.Stderr, nil)
	case "json":
		handler = slog.NewJSONHandler(p.environment.stderr, nil) // JSON is UTF-8 in every locale
	default:
		return nil, p.WrongUsage(errors.New("--log: neither text nor json"))
	}
	return slog.New(handler).With("terminal", terminal), nil
}

// logEvent logs an event of the terminal.
func logEvent(log *slog.Logger, e terminal.Event) {
	var attrs []slog.Attr
	if e.Visit != "" {
		attrs = append(attrs, slog.String("visit", e.Visit), slog.Float64("duration", seconds(e.Duration)))
	}
	if e.Code != "" {
		attrs = append(attrs, slog.String("code", string(e.Code)))
	}
	log.LogAttrs(context.Background(), slog.LevelInfo, e.Name, attrs...)
}

// seconds returns a duration in seconds with three decimals.
func seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }

// logStart logs the setup of a started terminal.
func logStart(log *slog.Logger, s terminalSetup) {
	log.Info("started", "version", cli.Version(), "campaign", s.campaign.Name.In(message.English), "namespace", s.campaign.Namespace,
		"generation", s.generation, "other_generations", s.otherGenerations, "registry", registrycli.Engine(s.url), "readers", s.readers)
}

// logUnavailable returns a function that logs why the registry is unavailable, once per
// reason.
func logUnavailable(log *slog.Logger) func(error) {
	last := ""
	return func(err error) {
		if reason := termtext.Printable(err.Error()); reason != last {
			last = reason
			code := terminal.MessageFor(err).Code
			if errors.Is(err, registry.ErrUnavailable) {
				code = registrycli.CodeDatabase
			}
			log.Warn("registry unavailable", "code", string(code), "reason", reason)
		}
	}
}
