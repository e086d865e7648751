// Loaded into a server with --import: kills its process, as the kernel would, at one point of its life. DEATH_POINT says
// which: {"statement": text in a statement or its values, "when": "before" | "after", "nth": 1}; the transaction that has
// the n-th such statement is killed before its COMMIT is sent, or after it was answered and before anybody was told.
import pg from 'pg'

const { statement, when, nth } = JSON.parse(process.env['DEATH_POINT'] ?? '{}')
const query = Reflect.get(pg.Client.prototype, 'query')
const marked = new WeakSet()
let seen = 0

function die() {
  process.kill(process.pid, 'SIGKILL')
  for (;;);
}

function isAboutIt(args) {
  const [text, values] = typeof args[0] === 'string' ? args : [args[0]?.text ?? '', args[0]?.values]
  return `${text} ${JSON.stringify(values ?? [])}`.includes(statement)
}

pg.Client.prototype.query = function (...args) {
  const [text] = args
  if (isAboutIt(args)) {
    seen += 1
    if (seen === nth) marked.add(this)
  }
  if (text === 'ROLLBACK' && marked.delete(this)) seen -= 1
  if (text !== 'COMMIT' || !marked.has(this)) return query.apply(this, args)
  if (when === 'before') die()
  return query.apply(this, args).then(die)
}
