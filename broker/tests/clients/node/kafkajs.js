// kafkajs under the checks of ../python/suite.py, whose header describes the verbs and the lines printed here.
'use strict'

const crypto = require('crypto')
const fs = require('fs')
const readline = require('readline')
const { Kafka, CompressionCodecs, CompressionTypes, ConfigResourceTypes, logLevel } = require('kafkajs')
const snappy = require('kafkajs-snappy')
const lz4 = require('lz4-napi')
const { ZstdCodec } = require('zstd-codec')

const WAIT_MS = 40_000
const CODECS = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
}

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

async function installCodecs() {
  CompressionCodecs[CompressionTypes.Snappy] = snappy
  CompressionCodecs[CompressionTypes.LZ4] = () => ({
    compress: async encoder => lz4.compressFrame(encoder.buffer),
    decompress: async buffer => lz4.decompressFrame(buffer),
  })
  const zstd = await new Promise(resolve => ZstdCodec.run(resolve))
  const codec = new zstd.Streaming()
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: async encoder => Buffer.from(codec.compress(encoder.buffer)),
    decompress: async buffer => Buffer.from(codec.decompress(buffer)),
  })
}

async function waitUntil(what, probe, limit = WAIT_MS) {
  const deadline = Date.now() + limit
  for (;;) {
    const result = await probe()
    if (result) return result
    if (Date.now() > deadline) throw new Error(`not within ${limit} ms: ${what}`)
    await sleep(20)
  }
}

function expectEqual(what, got, want) {
  const [a, b] = [JSON.stringify(got), JSON.stringify(want)]
  if (a !== b) throw new Error(`${what}: got ${String(a).slice(0, 400)}, want ${String(b).slice(0, 400)}`)
}

// Bytes that do not compress, the same for the same seed.
function noise(seed, length) {
  const parts = []
  for (let block = 0, have = 0; have < length; block++, have += 32) {
    parts.push(crypto.createHash('sha256').update(`${seed}/${block}`).digest())
  }
  return Buffer.concat(parts).subarray(0, length)
}

const hex = data => (data === null || data === undefined ? '-' : data.toString('hex') || '.')
const fromHex = text => (text === '-' ? null : text === '.' ? Buffer.alloc(0) : Buffer.from(text, 'hex'))

// kafkajs gathers headers of one name in an array and so loses the order between names; that order is not compared.
function headersToText(headers) {
  const pairs = []
  for (const [name, values] of Object.entries(headers || {})) {
    for (const value of [].concat(values)) pairs.push(`${hex(Buffer.from(name))}:${hex(value === null ? null : Buffer.from(value))}`)
  }
  return pairs.join(',') || '.'
}

function headersFromText(text) {
  const headers = {}
  if (text === '.') return headers
  for (const pair of text.split(',')) {
    const [name, value] = pair.split(':').map(fromHex)
    headers[name.toString()] = name.toString() in headers ? [].concat(headers[name.toString()], value) : value
  }
  return headers
}

const lineOf = (partition, m) =>
  `${partition} ${m.offset} ${m.timestamp} ${hex(m.key)} ${hex(m.value)} ${headersToText(m.headers)}`

class Client {
  constructor(brokers) {
    this.kafka = new Kafka({
      clientId: 'corelane-kafkajs',
      brokers: [brokers],
      logLevel: logLevel.NOTHING,
      retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 60 },
    })
    this.admin = this.kafka.admin()
    this.readers = 0
  }

  async createTopic(topic, partitions, configs = {}) {
    const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
    return this.admin.createTopics({
      topics: [{ topic, numPartitions: partitions, replicationFactor: 1, configEntries }],
    })
  }

  async partitions(topic) {
    if (!(await this.admin.listTopics()).includes(topic)) return null
    const { topics } = await this.admin.fetchTopicMetadata({ topics: [topic] })
    return topics[0].partitions.length
  }

  async getConfig(topic, key) {
    const answer = await this.admin.describeConfigs({ resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }] })
    return answer.resources[0].configEntries.find(entry => entry.configName === key).configValue
  }

  async setConfig(topic, name, value) {
    await this.admin.alterConfigs({
      resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configEntries: [{ name, value }] }],
    })
  }

  async producer(options = {}) {
    const producer = this.kafka.producer(options)
    await producer.connect()
    return producer
  }

  async send(topic, messages, codec = 'none', options = {}) {
    const producer = await this.producer(options)
    const placed = await producer.send({ topic, messages, acks: -1, compression: CODECS[codec] })
    await producer.disconnect()
    return placed
  }

  // {low, high} of each partition.
  async offsets(topic) {
    const found = await this.admin.fetchTopicOffsets(topic)
    return Object.fromEntries(found.map(o => [o.partition, [Number(o.low), Number(o.high)]]))
  }

  // The library reads only in groups, so each reading is a group of its own, left behind without commits.
  async read(topic) {
    const ends = await this.offsets(topic)
    const total = Object.values(ends).reduce((sum, [low, high]) => sum + high - low, 0)
    const consumer = this.kafka.consumer({
      groupId: `reader-${process.pid}-${this.readers++}`,
      maxBytesPerPartition: 4_000_000,
      maxWaitTimeInMs: 200,
      heartbeatInterval: 300,
    })
    const records = []
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => records.push(...batch.messages.map(m => ({ ...m, partition: batch.partition }))),
    })
    await waitUntil(`${total} records of ${topic}, have ${records.length}`, () => records.length >= total)
    await consumer.disconnect()
    return records.sort((a, b) => a.partition - b.partition || Number(a.offset) - Number(b.offset))
  }

  // A group member that commits what it has read.
  async member(group, topic, onValue) {
    const consumer = this.kafka.consumer({ groupId: group, heartbeatInterval: 300, maxWaitTimeInMs: 200, sessionTimeout: 10_000 })
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch, heartbeat }) => {
        for (const message of batch.messages) onValue(message.value.toString())
        const offset = String(Number(batch.lastOffset()) + 1)
        try {
          await consumer.commitOffsets([{ topic, partition: batch.partition, offset }])
        } catch (error) {
          // Between two generations a commit may be refused; the records are then read again.
          if (!['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID'].includes(error.type)) throw error
        }
        await heartbeat()
      },
    })
    return consumer
  }

  async committed(group, topic) {
    const [found] = await this.admin.fetchOffsets({ groupId: group, topics: [topic] })
    return Object.fromEntries(found.partitions.map(p => [p.partition, Number(p.offset)]))
  }
}

// ---- the checks ----

async function admin(client, name) {
  await client.createTopic(name, 3, { 'retention.ms': '7200000' })
  await waitUntil('topic has 3 partitions', async () => (await client.partitions(name)) === 3)
  expectEqual('retention.ms', await client.getConfig(name, 'retention.ms'), '7200000')
  await client.setConfig(name, 'retention.ms', '3600000')
  await waitUntil('altered config shows', async () => (await client.getConfig(name, 'retention.ms')) === '3600000')
  await client.admin.createPartitions({ topicPartitions: [{ topic: name, count: 5 }] })
  await waitUntil('topic has 5 partitions', async () => (await client.partitions(name)) === 5)
  expectEqual('creating the topic twice', await client.createTopic(name, 1), false)
  await client.admin.deleteTopics({ topics: [name] })
  await waitUntil('topic is gone', async () => (await client.partitions(name)) === null)
}

function mixedMessages(count) {
  const base = Date.now() - 3_600_000
  return Array.from({ length: count }, (_, i) => ({
    partition: i % 3,
    timestamp: String(base + i * 10),
    key: [null, Buffer.alloc(0), Buffer.from(`key-${i}`), noise(i, 40)][i % 4],
    value: [Buffer.from(`value-${i}`), noise(i, i % 700), Buffer.alloc(0), Buffer.alloc((i * 7) % 3000, 'a'), null][i % 5],
    headers: [{}, { trace: Buffer.from(`${i}`) }, { a: [Buffer.from([0, 255]), noise(i, 20)], ü: Buffer.alloc(0) }][i % 3],
  }))
}

const roundtrip = codec => async (client, name) => {
  await client.createTopic(name, 3)
  const messages = mixedMessages(600)
  const placed = await client.send(name, messages, codec)
  expectEqual('base offsets', placed.map(p => Number(p.baseOffset)), [0, 0, 0])
  const want = []
  for (let partition = 0; partition < 3; partition++) {
    const mine = messages.filter(m => m.partition === partition)
    want.push(...mine.map((m, offset) => lineOf(partition, { ...m, offset })))
  }
  const got = (await client.read(name)).map(m => lineOf(m.partition, m))
  expectEqual('record count', got.length, want.length)
  got.forEach((line, i) => expectEqual('record', line, want[i]))
}

async function oneMib(client, name) {
  await client.createTopic(name, 1, { 'max.message.bytes': '2097152' })
  const values = [noise(1, 1 << 20), Buffer.alloc(1 << 20, 'z'), noise(2, 1 << 20)]
  for (const value of values) await client.send(name, [{ key: 'big', value }])
  const got = await client.read(name)
  expectEqual('count', got.length, 3)
  got.forEach((m, i) => expectEqual('same bytes', m.value.equals(values[i]), true))
}

async function keyed(client, name) {
  await client.createTopic(name, 4)
  const producer = await client.producer()
  for (let base = 0; base < 4000; base += 500) {
    const messages = Array.from({ length: 500 }, (_, i) => ({ key: `k${(base + i) % 97}`, value: String(base + i) }))
    await producer.send({ topic: name, messages, compression: CODECS.gzip })
  }
  await producer.disconnect()
  const [home, last] = [new Map(), new Map()]
  const got = await client.read(name)
  expectEqual('record count', got.length, 4000)
  for (const m of got) {
    const key = m.key.toString()
    if (!home.has(key)) home.set(key, m.partition)
    expectEqual(`partition of ${key}`, m.partition, home.get(key))
    if (Number(m.value) <= (last.get(key) ?? -1)) throw new Error(`${key}: ${m.value} after ${last.get(key)}`)
    last.set(key, Number(m.value))
  }
  expectEqual('partitions used', new Set(home.values()).size, 4)
}

async function listOffsets(client, name) {
  await client.createTopic(name, 1)
  expectEqual('empty log', await client.offsets(name), { 0: [0, 0] })
  const base = Date.now() - 1_000_000
  const producer = await client.producer()
  for (let i = 0; i < 100; i += 10) {
    const messages = Array.from({ length: 10 }, (_, j) => ({ value: `${i + j}`, timestamp: String(base + (i + j) * 1000) }))
    await producer.send({ topic: name, messages })
  }
  await producer.disconnect()
  expectEqual('start and end', await client.offsets(name), { 0: [0, 100] })
  // Past the last record the library answers with the end.
  for (const [time, want] of [[-5, 0], [0, 0], [1, 1], [55_000, 55], [99_000, 99], [99_001, 100]]) {
    const [found] = await client.admin.fetchTopicOffsetsByTimestamp(name, base + time)
    expectEqual(`offset at ${time}`, Number(found.offset), want)
  }
}

async function idempotent(client, name) {
  await client.createTopic(name, 2)
  const producer = await client.producer({ idempotent: true, maxInFlightRequests: 1 })
  for (let base = 0; base < 6000; base += 300) {
    const messages = Array.from({ length: 300 }, (_, i) => ({ partition: i % 2, value: String(base + i) }))
    await producer.send({ topic: name, messages, acks: -1 })
  }
  await producer.disconnect()
  const got = await client.read(name)
  for (const partition of [0, 1]) {
    const mine = got.filter(m => m.partition === partition).map(m => Number(m.value))
    expectEqual(`partition ${partition}`, mine, Array.from({ length: 3000 }, (_, i) => i * 2 + partition))
  }
}

async function groups(client, name) {
  await client.createTopic(name, 4)
  const [sent, read] = [new Set(), new Set()]
  const counts = []
  const members = []
  let writing = true
  const join = async () => {
    const mine = counts.push(0) - 1
    members.push(
      await client.member(name, name, value => {
        counts[mine]++
        read.add(value)
      })
    )
  }
  const write = async () => {
    const producer = await client.producer()
    while (writing) {
      const values = Array.from({ length: 40 }, (_, i) => String(sent.size + i))
      await producer.send({ topic: name, messages: values.map((value, i) => ({ value, partition: i % 4 })) })
      values.forEach(value => sent.add(value))
      await sleep(20)
    }
    await producer.disconnect()
  }
  const writer = write()
  try {
    await join()
    await waitUntil('first member reads', () => counts[0] > 100)
    await Promise.all([join(), join()])
    await waitUntil('second and third member read', () => counts[1] > 40 && counts[2] > 40)
    await members[0].disconnect()
    const seen = read.size
    await waitUntil('group goes on without the first', () => read.size > seen + 200)
    await join()
    await waitUntil('fourth member reads', () => counts[3] > 40)
  } finally {
    writing = false
    await writer
  }
  await waitUntil('all records are read', () => [...sent].every(value => read.has(value)))
  const ends = Object.fromEntries(Object.entries(await client.offsets(name)).map(([p, [, high]]) => [p, high]))
  await waitUntil('commits are done', async () =>
    JSON.stringify(await client.committed(name, name)) === JSON.stringify(ends))
  const listed = await client.admin.listGroups()
  expectEqual('the group is listed', listed.groups.some(group => group.groupId === name), true)
  const described = await client.admin.describeGroups([name])
  expectEqual('members', described.groups[0].members.length, 3)
  for (const member of members.slice(1)) await member.disconnect()
  expectEqual('committed offsets stay', await client.committed(name, name), ends)

  const late = []
  const member = await client.member(name, name, value => late.push(value))
  await client.send(name, [0, 1, 2, 3].map(partition => ({ partition, value: `late-${partition}` })))
  await waitUntil('new member reads the new records', () => late.length >= 4)
  await member.disconnect()
  expectEqual('new member starts at the commit', late.sort(), ['late-0', 'late-1', 'late-2', 'late-3'])
  await client.admin.deleteGroups([name])
  const left = await client.admin.listGroups()
  expectEqual('group is gone', left.groups.some(group => group.groupId === name), false)
}

async function restart(client, name, input) {
  await client.createTopic(name, 2)
  const producer = await client.producer({ idempotent: true, maxInFlightRequests: 1 })
  const send = (from, to) => {
    const messages = Array.from({ length: to - from }, (_, i) => ({ partition: (from + i) % 2, value: String(from + i) }))
    return producer.send({ topic: name, messages, acks: -1 })
  }
  await send(0, 500)
  const got = new Set()
  const member = await client.member(name, name, value => got.add(value))
  await waitUntil('member reads before', () => got.size === 500)
  console.log('restart')
  expectEqual('harness', (await input.next()).value, 'done')
  await send(500, 1000)
  await producer.disconnect()
  await waitUntil('member reads after', () => got.size === 1000)
  await waitUntil('committed', async () =>
    JSON.stringify(await client.committed(name, name)) === JSON.stringify({ 0: 500, 1: 500 }))
  await member.disconnect()
  const all = await client.read(name)
  for (const partition of [0, 1]) {
    const mine = all.filter(m => m.partition === partition).map(m => Number(m.value))
    expectEqual(`partition ${partition}`, mine, Array.from({ length: 500 }, (_, i) => i * 2 + partition))
  }
}

async function runSuite(client) {
  const input = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  const checks = [['admin', admin]]
  for (const codec of Object.keys(CODECS)) checks.push([`roundtrip_${codec}`, roundtrip(codec)])
  checks.push(['one_mib', oneMib], ['keyed', keyed], ['list_offsets', listOffsets], ['idempotent', idempotent])
  checks.push(['groups', groups], ['restart', restart])
  let failed = 0
  for (const [title, check] of checks) {
    const begin = Date.now()
    try {
      await check(client, `kafkajs-${title}-${process.pid}`, input)
      console.log(`ok ${title} ${((Date.now() - begin) / 1000).toFixed(1)}s`)
    } catch (error) {
      failed++
      console.error(error)
      console.log(`FAIL ${title} ${String(error.message).replace(/\s+/g, ' ').slice(0, 600)}`)
    }
  }
  return failed
}

async function produceFile(client, topic, codec, path) {
  await client.createTopic(topic, 3, { 'max.message.bytes': '2097152' })
  const messages = fs.readFileSync(path, 'utf8').trim().split('\n').map(line => {
    const [partition, timestamp, key, value, headers] = line.split(' ')
    return { partition: Number(partition), timestamp, key: fromHex(key), value: fromHex(value), headers: headersFromText(headers) }
  })
  const producer = await client.producer()
  // A request is one batch per partition here, so a big record travels alone.
  for (let batch = []; messages.length > 0; batch = []) {
    do batch.push(messages.shift())
    while (messages.length > 0 && batch.length < 50 && (messages[0].value || '').length < 100_000)
    await producer.send({ topic, messages: batch, compression: CODECS[codec], acks: -1 })
  }
  await producer.disconnect()
  console.log(`ok produce ${topic}`)
}

async function main() {
  const [verb, brokers, ...rest] = process.argv.slice(2)
  await installCodecs()
  const client = new Client(brokers)
  await client.admin.connect()
  let failed = 0
  if (verb === 'suite') {
    failed = await runSuite(client)
  } else if (verb === 'produce') {
    for (const argument of rest) await produceFile(client, ...argument.split('='))
  } else if (verb === 'consume') {
    const [folder, ...topics] = rest
    for (const topic of topics) {
      const lines = (await client.read(topic)).map(m => lineOf(m.partition, m) + '\n')
      fs.writeFileSync(`${folder}/${topic}`, lines.join(''))
      console.log(`ok consume ${topic}`)
    }
  } else {
    throw new Error(`unknown verb ${verb}`)
  }
  await client.admin.disconnect()
  process.exit(failed ? 1 : 0)
}

main().catch(error => {
  console.error(error)
  process.exit(2)
})
