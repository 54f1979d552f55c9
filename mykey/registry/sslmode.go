package registry

import (
	"fmt"
	"net/netip"
	neturl "net/url"
	"strings"

	"github.com/jackc/pgx/v5"
)

// parsePostgres parses a URL. Connections to other machines are encrypted and the
// server's certificate is verified, unless the URL itself disables that. The environment
// and service files can't disable it.
func parsePostgres(url string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrURL, err) // pgx omits the password
	}
	if onlyLocal(config) {
		return config, nil
	}
	mode := sslmode(url)
	if mode == "" {
		if config, err = pgx.ParseConfig(verifyFull(url)); err != nil {
			return nil, fmt.Errorf("%w: with sslmode=verify-full, as for every server on another machine: %w", ErrURL, err)
		}
	}
	if mode == "prefer" || mode == "allow" || mode != "disable" && !encrypted(config) {
		return nil, fmt.Errorf("%w: sslmode=prefer and sslmode=allow may send everything in the clear; "+
			"write sslmode=verify-full, or sslmode=disable if nobody else can reach the network", ErrURL)
	}
	return config, nil
}

// onlyLocal reports whether all hosts of a configuration are Unix sockets or loopback
// addresses.
func onlyLocal(config *pgx.ConnConfig) bool {
	for _, fallback := range config.Fallbacks {
		if !isLocal(fallback.Host) {
			return false
		}
	}
	return isLocal(config.Host)
}

// isLocal reports whether a host is a Unix socket or a loopback address.
func isLocal(host string) bool {
	if strings.HasPrefix(host, "/") || strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// encrypted reports whether all connections of a configuration are encrypted.
func encrypted(config *pgx.ConnConfig) bool {
	for _, fallback := range config.Fallbacks {
		if fallback.TLSConfig == nil {
			return false
		}
	}
	return config.TLSConfig != nil
}

// sslmode returns the sslmode of a URL, "" if it has none. As in pgx, the last one
// counts, and ssl=true means sslmode=require.
func sslmode(url string) string {
	mode := ""
	_, query := splitQuery(url)
	for parameter := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(parameter, "=")
		switch key, value = unescape(key), unescape(value); {
		case key == "sslmode":
			mode = value
		case key == "ssl" && value == "true":
			mode = "require"
		}
	}
	return mode
}

// verifyFull returns a URL with sslmode=verify-full appended.
func verifyFull(url string) string {
	base, query := splitQuery(url)
	if query != "" {
		query += "&"
	}
	return base + "?" + query + "sslmode=verify-full"
}

// splitQuery splits a URL before its query. As in libpq, a password may contain a
// question mark.
func splitQuery(url string) (base, query string) {
	start := strings.Index(url, "://") + len("://")
	if i := strings.IndexAny(url[start:], "@/"); i >= 0 && url[start+i] == '@' {
		start += i + 1
	}
	base, query, _ = strings.Cut(url[start:], "?")
	return url[:start] + base, query
}

func unescape(text string) string {
	if plain, err := neturl.PathUnescape(strings.Trim(text, " ")); err == nil {
		return plain
	}
	return text // pgx has rejected it
}
