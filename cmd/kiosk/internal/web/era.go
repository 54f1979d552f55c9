package web

import (
	"fmt"
	"time"

	"github.com/mykeykit/mykeykit/jpki/trust"
	"github.com/mykeykit/mykeykit/mykey/message"
)

// eras are the eras of the Japanese calendar, the latest first.
var eras = []struct {
	first string // day, YYYYMMDD
	name  string
}{{"20190501", "令和"}, {"19890108", "平成"}, {"19261225", "昭和"}, {"19120730", "大正"}, {"18680125", "明治"}}

// dayText returns a day of 8 digits as a date. If a part of it is not known, it returns the digits.
func dayText(digits string) message.Text {
	day, err := time.ParseInLocation("20060102", digits, trust.Japan)
	if err != nil {
		return message.Text{JA: digits, EN: digits}
	}
	return message.Date(day)
}

// birthText is like dayText, with the year of the era, as it is printed on the card.
func birthText(digits string) message.Text {
	text := dayText(digits)
	for _, era := range eras {
		if text.JA == digits || digits < era.first {
			continue
		}
		var year, first int
		_, _ = fmt.Sscanf(digits[:4]+" "+era.first[:4], "%d %d", &year, &first)
		number := fmt.Sprint(year - first + 1)
		if number == "1" {
			number = "元"
		}
		text.JA += fmt.Sprintf("（%s%s年）", era.name, number)
		break
	}
	return text
}
