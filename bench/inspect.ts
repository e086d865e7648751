import { createHash } from 'node:crypto'
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileSource } from '../src/inspect/file-source.js'
import { inspectFirmware } from '../src/inspect/inspect.js'
import type { Sample } from '../test/support/firmware/sample.js'
import { makeSamples } from '../test/support/firmware/samples.js'
import type { BenchmarkRow, BenchmarkSize } from './benchmark.js'
import { compareSpeeds } from './compare.js'

const PAYLOAD_BYTES = 33_554_432
const rounds = { rounds: 12, roundMs: 1, warmUpMs: 500 }

/** Each format from a file, signatures and all: beside a bare loop that reads the same file and computes SHA-256. */
export async function* inspectRows(size: BenchmarkSize): AsyncIterable<BenchmarkRow> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-inspect-'))
  try {
    for (const sample of await makeSamples(size === 'small' ? 100_000 : PAYLOAD_BYTES))
      yield await inspectRow(sample, join(folder, 'firmware'), size)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function inspectRow(sample: Sample, path: string, size: BenchmarkSize): Promise<BenchmarkRow> {
  writeFileSync(path, sample.bytes)
  const descriptor = openSync(path, 'r')
  const sizeBytes = fstatSync(descriptor).size
  try {
    return await compareSpeeds({
      name: `inspect ${sample.name}`,
      unit: 'MB/s',
      unitsPerBatch: sizeBytes / 1_000_000,
      ours: async () => {
        const now = Math.floor(Date.now() / 1_000)
        const { state } = await inspectFirmware(fileSource(descriptor, sizeBytes), sample.keys, now)
        if (state !== 'whole') throw new Error(`${sample.name} is ${state}`)
      },
      reference: () => hashFile(descriptor, sizeBytes),
      size,
      ...rounds,
    })
  } finally {
    closeSync(descriptor)
  }
}

function hashFile(descriptor: number, sizeBytes: number): void {
  const hash = createHash('sha256')
  const chunk = new Uint8Array(262_144)
  for (let at = 0; at < sizeBytes;) {
    const count = readSync(descriptor, chunk, 0, chunk.length, at)
    hash.update(chunk.subarray(0, count))
    at += count
  }
  hash.digest()
}
