import { expect, it } from '@jest/globals'
import { makeTar, retyped, type Files } from '../../../test/support/firmware/archives.js'
import { concat, utf8 } from '../../domain/bytes.js'
import { ByteStream } from '../byte-stream.js'
import { readTar } from './tar.js'

const content = utf8('content')

/** What a record counts is its own length too. */
function pax(key: string, value: string): string {
  const body = ` ${key}=${value}\n`
  const length = body.length + String(body.length).length
  return `${length + String(length).length - String(body.length).length}${body}`
}
/** One entry of another type than a file, in front of files. */
const behind = (type: string, value: string, files: Files = [['plain', content]]): Uint8Array =>
  concat(retyped(makeTar([['extension', utf8(value)]]), type).slice(0, -1_024), makeTar(files))

async function namesIn(bytes: Uint8Array): Promise<string[]> {
  const names: string[] = []
  for await (const { name } of readTar(new ByteStream([bytes]))) names.push(name)
  return names
}

it.each([
  ['in a record', behind('x', pax('path', 'given')), 'given'],
  [
    'in the last of its kind',
    behind('x', `${pax('path', 'first')}${pax('mtime', '1.5')}${pax('path', 'last')}`),
    'last',
  ],
  ['nowhere, when it is within the value of another', behind('x', pax('comment', `a\n${pax('path', 'x')}`)), 'plain'],
  ['in a record of more than a hundred bytes', behind('x', pax('path', 'a'.repeat(120))), 'a'.repeat(120)],
  ['in the way of GNU', behind('L', 'given\0'), 'given'],
])('finds the name of a file %s', async (_, bytes, name) => {
  expect(await namesIn(bytes)).toEqual([name])
})

it.each([
  ['another size', behind('x', pax('size', '1')), 'a file of its archive has another size than its header says'],
  ['a sparse file', behind('x', pax('GNU.sparse.name', 'a')), 'a file of its archive has another GNU.sparse.name'],
  ['a record that is too short', behind('x', '9 path=abc\n'), 'an extended header of its archive has a record'],
  ['a record that is too long', behind('x', '99 path=abc\n'), 'an extended header of its archive has a record'],
  ['a record without length', behind('x', 'path=abc\n'), 'an extended header of its archive has a record'],
  ['a name with an end in it', behind('x', pax('path', 'a\0b')), 'an extended header of its archive has a record'],
  ['an extended header for all', behind('g', pax('path', 'a')), 'its archive holds something else than files'],
  ['a link', behind('2', ''), 'its archive holds something else than files'],
  ['a folder', makeTar([['folder/', utf8('')]]), 'its archive holds something else than files'],
  [
    'two extended headers for one file',
    concat(behind('x', pax('path', 'a'), []).slice(0, -1_024), behind('L', 'b\0')),
    'a file of its archive has two extended headers',
  ],
])('cannot read %s, which other readers take otherwise', async (_, bytes, why) => {
  await expect(namesIn(bytes)).rejects.toThrow(why)
})

it('cannot read a form of archive whose fields stand elsewhere', async () => {
  const star = makeTar([['plain', content]])
  star.set(utf8('tar'), 508)
  await expect(namesIn(retyped(star, '0'))).rejects.toThrow('neither POSIX nor GNU')
  star.set(new Uint8Array(3), 508)
  star.set(utf8('ustar\0zz'), 257)
  await expect(namesIn(retyped(star, '0'))).rejects.toThrow('neither POSIX nor GNU')
})
