package revocation

// The bounds, for tests.
const (
	MaxAnswers = maxAnswers
	MaxQueries = maxQueries
)

// Answers returns how many answers the policy keeps.
func (p *Policy) Answers() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.answers)
}
