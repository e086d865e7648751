import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from '@jest/globals'
import { documentKinds } from '../../src/domain/trust/labels.js'
import { wordOfReason } from '../../src/domain/trust/report-reason.js'
import { formatExamples } from './format-examples.js'

// Where a page must say what the program does, it is written here and compared; UPDATE_EXAMPLES=1 writes the pages anew.
const isUpdate = process.env['UPDATE_EXAMPLES'] === '1'
const folder = fileURLToPath(new URL('../../docs/formats/', import.meta.url))
const pathOf = (page: string): string => `${folder}${page}.md`

/** Compares what stands between the two marks of a page with `wanted`, or puts it there. */
function comparePart(page: string, mark: string, wanted: string): void {
  const [begin, end] = [`<!-- ${mark} -->`, `<!-- end of ${mark} -->`]
  const whole = readFileSync(pathOf(page), 'utf8')
  const [before, rest] = whole.split(begin)
  const [found, after] = (rest ?? '').split(end)
  if (before === undefined || found === undefined || after === undefined)
    throw new Error(`no mark "${mark}" on ${page}`)
  if (isUpdate) writeFileSync(pathOf(page), `${before}${begin}\n\n${wanted}\n\n${end}${after}`)
  else expect(found.trim()).toBe(wanted)
}

describe.each(formatExamples.map((example) => [example.page, example] as const))('%s', (page, { text, check }) => {
  it('has an example that is accepted by whoever reads such bytes', async () => {
    await check()
  })

  it('shows that example byte for byte', () => {
    comparePart(page, 'example', `\`\`\`text\n${text}\n\`\`\``)
  })
})

it('lists every reason of a report, as devices number them', () => {
  const numbers = Array.from({ length: 256 }, (_, reason) => reason)
  const known = numbers.filter((reason) => wordOfReason(reason) !== `REASON_${reason}`)
  const rows = known.map((reason) => `| ${reason} | \`${wordOfReason(reason)}\` |`)
  comparePart('report', 'reasons', ['| number | refusal |', '| --- | --- |', ...rows].join('\n'))
})

it('has a page for each document that is signed, with its label', () => {
  const pageOf = (kind: string): string => readFileSync(pathOf(kind), 'utf8')
  expect(documentKinds.filter((kind) => !pageOf(kind).includes(`label \`countersign/${kind}/v1\``))).toEqual([])
})

it('has a page for each format, and each is on the first page', () => {
  const pages = readdirSync(folder).filter((name) => name !== 'README.md')
  expect(pages.toSorted()).toEqual(formatExamples.map(({ page }) => `${page}.md`).toSorted())
  const index = readFileSync(pathOf('README'), 'utf8')
  for (const page of pages) expect(index).toContain(`(${page})`)
})
