// Signs and opens notes with Go's own package, so that hostspin's can be compared with it.
//
//	main keygen NAME            prints the private and the verifier key, one a line
//	main sign SKEY < text       prints the note
//	main open VKEY… < note      prints the verified text; exit 1 where Go refuses the note
package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"os"

	"golang.org/x/mod/sumdb/note"
)

func fail(err error) {
	fmt.Fprintln(os.Stderr, "go:", err)
	os.Exit(1)
}

func main() {
	if len(os.Args) < 3 {
		fail(fmt.Errorf("usage: keygen NAME | sign SKEY | open VKEY…"))
	}
	switch os.Args[1] {
	case "keygen":
		private, verifier, err := note.GenerateKey(rand.Reader, os.Args[2])
		if err != nil {
			fail(err)
		}
		fmt.Printf("%s\n%s\n", private, verifier)
	case "sign":
		input, err := io.ReadAll(os.Stdin)
		if err != nil {
			fail(err)
		}
		signer, err := note.NewSigner(os.Args[2])
		if err != nil {
			fail(err)
		}
		signed, err := note.Sign(&note.Note{Text: string(input)}, signer)
		if err != nil {
			fail(err)
		}
		os.Stdout.Write(signed)
	case "open":
		input, err := io.ReadAll(os.Stdin)
		if err != nil {
			fail(err)
		}
		var verifiers []note.Verifier
		for _, key := range os.Args[2:] {
			verifier, err := note.NewVerifier(key)
			if err != nil {
				fail(err)
			}
			verifiers = append(verifiers, verifier)
		}
		opened, err := note.Open(input, note.VerifierList(verifiers...))
		if err != nil {
			fail(err)
		}
		for _, signature := range opened.Sigs {
			fmt.Fprintf(os.Stderr, "signed by %s\n", signature.Name)
		}
		os.Stdout.WriteString(opened.Text)
	default:
		fail(fmt.Errorf("unknown command %q", os.Args[1]))
	}
}
