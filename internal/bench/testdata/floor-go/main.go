// A minimal Go program that sends commands to a card, with the same binding as package
// reader/pcsc. Its arguments are the reader and the commands in hexadecimal. It prints the
// number of bytes received, or, without arguments, a line.
package main

import (
	"encoding/hex"
	"fmt"
	"os"

	"github.com/ebfe/scard"
)

func main() {
	if len(os.Args) == 1 {
		fmt.Println("a line")
		return
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(reader string, commands []string) error {
	context, err := scard.EstablishContext()
	if err != nil {
		return err
	}
	if _, err := context.ListReaders(); err != nil {
		return err
	}
	card, err := context.Connect(reader, scard.ShareShared, scard.ProtocolAny)
	if err != nil {
		return err
	}
	if err := card.BeginTransaction(); err != nil {
		return err
	}
	total := 0
	for _, text := range commands {
		command, err := hex.DecodeString(text)
		if err != nil {
			return err
		}
		response, err := card.Transmit(command)
		if err != nil {
			return err
		}
		total += len(response)
	}
	if err := card.EndTransaction(scard.LeaveCard); err != nil {
		return err
	}
	if err := card.Disconnect(scard.UnpowerCard); err != nil {
		return err
	}
	if err := context.Release(); err != nil {
		return err
	}
	fmt.Println(total, "bytes")
	return nil
}
