import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import type { Benchmark, BenchmarkRow } from './benchmark.js'
import { benchmarks } from './benchmarks.js'
import { compareSpeeds } from './compare.js'
import { runBenchmarks } from './run.js'
import { formatRows } from './table.js'

const row: BenchmarkRow = { name: 'add', ours: 200, reference: 100, ratio: 2, unit: 'sums/s', n: 10 }

/** A benchmark that notes that it ran. */
function trivial(name: string, ran: string[]): Benchmark {
  return {
    name,
    about: `measures ${name}`,
    async *rows(size) {
      ran.push(size === 'full' ? name : `${size} ${name}`)
      yield await Promise.resolve({ ...row, name })
    },
  }
}

async function run(argv: readonly string[]): Promise<{ code: number; out: string; error: string; ran: string[] }> {
  const ran: string[] = []
  let [out, error] = ['', '']
  const code = await runBenchmarks([trivial('one', ran), trivial('two', ran)], argv, {
    out: (text) => (out += text),
    error: (text) => (error += text),
  })
  return { code, out, error, ran }
}

it('divides our speed by that of a reference measured in the same run', async () => {
  const spin = (times: number) => (): void => {
    let sum = 0
    for (let index = 0; index < times; index += 1) sum += Math.sqrt(index)
    if (sum < 0) throw new Error('never')
  }
  const measured = await compareSpeeds({
    name: 'spin',
    unit: 'turns/s',
    unitsPerBatch: 1,
    ours: spin(400_000),
    reference: spin(100_000),
    rounds: 5,
    roundMs: 5,
    warmUpMs: 20,
  })
  expect(measured.ratio).toBe(measured.ours / measured.reference)
  expect(measured.ratio).toBeLessThan(0.7)
  expect(measured.n).toBeGreaterThan(0)
})

it('waits for work that takes its time', async () => {
  let [running, most] = [0, 0]
  const work = async (): Promise<void> => {
    running += 1
    most = Math.max(most, running)
    await new Promise((done) => setTimeout(done, 2))
    running -= 1
  }
  await compareSpeeds({
    name: 'wait',
    unit: 'turns/s',
    unitsPerBatch: 1,
    ours: work,
    reference: work,
    rounds: 2,
    roundMs: 5,
    warmUpMs: 1,
  })
  expect(most).toBe(1)
})

describe('the command', () => {
  it('runs all there are, or the one that is asked for', async () => {
    expect(await run([])).toMatchObject({ code: 0, ran: ['one', 'two'] })
    const { code, ran, out } = await run(['two'])
    expect({ code, ran }).toEqual({ code: 0, ran: ['two'] })
    expect(out).toBe(formatRows([{ ...row, name: 'two' }]))
  })

  it('makes a short run of it when asked', async () => {
    expect(await run(['two', '--small'])).toMatchObject({ code: 0, ran: ['small two'] })
  })

  it('writes the rows as JSON', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
    try {
      const file = join(folder, 'out.json')
      await run(['one', '--json', file])
      expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual([{ ...row, name: 'one' }])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it.each([
    ['a name that is none', ['three'], 'bench: no such benchmark: three; there are one, two'],
    ['an option that is none', ['--fast'], 'bench: arguments not understood; there are one, two'],
    ['--json without a file', ['--json'], 'bench: arguments not understood'],
  ])('refuses %s with exit code 2, and runs nothing', async (_, argv, message) => {
    const { code, error, ran } = await run(argv)
    expect({ code, ran }).toEqual({ code: 2, ran: [] })
    expect(error).toContain(message)
  })

  it('explains itself with an example', async () => {
    const { code, out, ran } = await run(['--help'])
    expect({ code, ran }).toEqual({ code: 0, ran: [] })
    expect(out).toContain('measures one')
    expect(out).toContain('example: npm run bench --')
  })
})

it.each(benchmarks.map((benchmark) => [benchmark.name, benchmark] as const))(
  'runs %s, on little input',
  async (_, benchmark) => {
    const rows: BenchmarkRow[] = []
    for await (const measured of benchmark.rows('small')) rows.push(measured)
    expect(rows.length).toBeGreaterThan(0)
    for (const { ours, reference, ratio, unit, n } of rows) {
      expect([ours > 0, reference > 0, n > 0]).toEqual([true, true, true])
      expect(ratio).toBe(/^(ms|MB)(?!\/)/.test(unit) ? reference / ours : ours / reference)
    }
  },
  120_000,
)

it('prints a table whose numbers line up', () => {
  expect(formatRows([row, { ...row, name: 'subtract', ours: 12.345, n: 1_000 }])).toBe(
    [
      'name      ours  reference  ratio  unit       n\n',
      'add        200        100   2.00  sums/s    10\n',
      'subtract  12.3        100   2.00  sums/s  1000\n',
    ].join(''),
  )
})
