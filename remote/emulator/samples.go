package emulator

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// Samples fills an application with a small web site, some data and some private
// exports. It does nothing where there are files already.
func (s *Server) Samples(app string) error {
	photo, err := samplePhoto()
	if err != nil {
		return err
	}
	logo, err := sampleLogo()
	if err != nil {
		return err
	}
	notebook, err := sampleNotebook()
	if err != nil {
		return err
	}
	samples := []struct {
		space, path string
		content     []byte
	}{
		{public, "/index.html", []byte(sampleHTML)},
		{public, "/css/style.css", []byte(sampleCSS)},
		{public, "/js/app.js", []byte(sampleJS)},
		{public, "/images/logo.png", logo},
		{public, "/images/photo.jpg", photo},
		{public, "/images/pulse.svg", []byte(sampleSVG)},
		{public, "/data/readings.csv", sampleReadings()},
		{public, "/docs/manual.pdf", samplePDF("Gateway manual", "Hold the button for five seconds to start the gateway.")},
		{public, "/docs/2026/quarter 1/notes.md", []byte(sampleNotes)},
		{public, "/文档/传感器说明.txt", []byte("温度传感器每十五分钟报告一次读数。\n")},
		{public, "/100% sure? yes #1.txt", []byte("A name with characters that mean something in a URL.\n")},
		{public, "/empty.txt", nil},
		{private, "/exports/devices.csv", sampleDevices()},
		{private, "/firmware/v1.4.2/gateway.bin", sampleFirmware()},
		{private, "/notebooks/output.ipynb", notebook},
	}
	return s.st.update(func() error {
		for _, kind := range []string{public, private} {
			if sp, err := s.spaceLocked(app, kind); err != nil || sp.count > 0 {
				return err
			}
		}
		for _, sample := range samples {
			if _, err := s.putFileLocked(app, sample.space, sample.path, sample.content); err != nil {
				return fmt.Errorf("%s: %w", sample.path, err)
			}
		}
		sp, err := s.spaceLocked(app, public)
		if err == nil {
			_, err = s.ensureLocked(sp, "/uploads/", s.seeder())
		}
		return err
	})
}

const sampleHTML = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>Greenhouse</title>
  <link rel="stylesheet" href="css/style.css">
  <script src="js/app.js" defer></script>
</head>
<body>
  <h1><img src="images/logo.png" alt="" width="64" height="64"> Greenhouse</h1>
  <p>The latest of <output id="count">…</output> readings: <output id="latest">…</output></p>
  <p><img src="images/photo.jpg" alt="The valley at dusk"> <img src="images/pulse.svg" alt="A pulse"></p>
  <p><a href="docs/manual.pdf">Manual</a></p>
</body>
</html>
`

const sampleCSS = `body {
  font: 1rem/1.5 system-ui, sans-serif;
  max-width: 48rem;
  margin: 2rem auto;
  color: #234;
}

output { font-weight: bold; }
img { vertical-align: middle; max-width: 100%; }
`

const sampleJS = `fetch('data/readings.csv')
  .then((answer) => answer.text())
  .then((text) => {
    const rows = text.trim().split('\n').slice(1);
    document.getElementById('count').textContent = rows.length;
    document.getElementById('latest').textContent = rows[rows.length - 1];
  });
`

const sampleSVG = `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 60" width="200" height="60">
  <path d="M0 30h60l8-20 10 40 10-30 6 10h106" fill="none" stroke="#c33" stroke-width="3"/>
</svg>
`

const sampleNotes = `# First quarter

- 14 gateways replaced
- battery life up from 11 to 13 months
- next: calibrate the humidity sensors
`

// sampleReadings is three hundred readings of one sensor, a quarter of an hour apart.
func sampleReadings() []byte {
	var b strings.Builder
	b.WriteString("time,device,temperature,humidity\n")
	at := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	for i := range 300 {
		day := 2 * math.Pi * float64(i) / 96
		fmt.Fprintf(&b, "%s,gateway-%d,%.2f,%.1f\n", at.Format(time.RFC3339), i%4+1,
			18-6*math.Cos(day), 55+12*math.Sin(day))
		at = at.Add(15 * time.Minute)
	}
	return []byte(b.String())
}

func sampleDevices() []byte {
	var b strings.Builder
	b.WriteString("deviceId,name,firmware,connected\n")
	for i := range 24 {
		fmt.Fprintf(&b, "%024x,gateway-%02d,v1.4.%d,%t\n", 0x65a1f0000+i*7919, i+1, i%3, i%5 != 0)
	}
	return []byte(b.String())
}

// sampleFirmware is 1 MiB that is the same every time and does not compress.
func sampleFirmware() []byte {
	random := rand.NewChaCha8([32]byte([]byte("losantfs sample firmware v1.4.2!")))
	image := make([]byte, 1<<20)
	_, _ = random.Read(image)
	return image
}

func sampleNotebook() ([]byte, error) {
	return json.MarshalIndent(map[string]any{
		"cells": []any{map[string]any{
			"cell_type": "code", "execution_count": 1, "metadata": map[string]any{},
			"source": []string{"readings.temperature.mean()"},
			"outputs": []any{map[string]any{
				"output_type": "execute_result", "execution_count": 1, "metadata": map[string]any{},
				"data": map[string]any{"text/plain": []string{"18.02"}},
			}},
		}},
		"metadata":       map[string]any{"kernelspec": map[string]string{"name": "python3", "display_name": "Python 3", "language": "python"}},
		"nbformat":       4,
		"nbformat_minor": 4,
	}, "", " ")
}
