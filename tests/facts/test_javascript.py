# Sources read best on the line of their case.
# ruff: noqa: E501
from __future__ import annotations

import json

import pytest

from dockfix.facts import App, Tree
from dockfix.facts.javascript import JsServer


def server(files: dict[str, str], entry: str = "server.js", manifest: str = "{}") -> JsServer:
    node = App(Tree({"package.json": manifest, **files})).node
    assert node is not None
    return node.server_of(entry)


def values(facts: object) -> list[object]:
    return [fact.value for fact in facts]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("source", "port", "variable", "bind"),
    [
        ("app.listen(process.env.PORT || 3000)", 3000, "PORT", None),
        ("app.listen(process.env.PORT ?? 3000, '127.0.0.1')", 3000, "PORT", "127.0.0.1"),
        ("const port = Number(process.env.PORT) || 4_000; app.listen(port, () => {})", 4000, "PORT", None),
        ("const { PORT = 5000 } = process.env; app.listen(PORT)", 5000, "PORT", None),
        ("const PORT = parseInt(process.env.APP_PORT || '81', 10); server.listen(PORT, '0.0.0.0')", 81, "APP_PORT", "0.0.0.0"),
        ("fastify.listen({ port: 3001, host: '::' })", 3001, None, "::"),
        ("const opts = { port: 3002 }; await fastify.listen(opts)", 3002, None, None),
        ("var port = normalizePort(process.env.PORT || '3003'); app.set('port', port); http.createServer(app).listen(port)", 3003, "PORT", None),
        ("app.set('port', process.env.PORT || 3004); app.listen(app.get('port'))", 3004, "PORT", None),
        ("const env = z.object({ PORT: z.coerce.number().default(3006) }).parse(process.env); app.listen(env.PORT)", 3006, "PORT", None),
        ("var port = normalizePort(process.env.PORT || '3007'); server.listen(port); function normalizePort(v) { var port = +v; return port }", 3007, "PORT", None),
        ("app.listen(process.env.PORT)", None, "PORT", None),
        ("await app.listen(config.get('PORT', 3005))", 3005, "PORT", None),
        ("new WebSocketServer({ port: 8081 })", 8081, None, None),
        ("serve({ fetch: app.fetch, port: +(process.env.PORT || 8787) })", 8787, "PORT", None),
        ("server.listen('/run/app.sock')", None, None, None),
        ("// app.listen(1)\nconst text = 'app.listen(2)'", None, None, None),
    ],
)  # fmt: skip
def test_port(source: str, port: int | None, variable: str | None, bind: str | None) -> None:
    found = server({"server.js": source})
    assert (found.port and found.port.value) == port
    assert (found.port_variable and found.port_variable.value) == variable
    assert (found.bind and found.bind.value) == bind


def test_a_port_from_another_module() -> None:
    config = "module.exports = { server: { port: process.env.PORT || 7000 } }"
    found = server(
        {"server.js": "const config = require('./config')\napp.listen(config.server.port)", "config/index.js": config}
    )
    assert found.port is not None
    assert (found.port.value, found.port.origin) == (7000, "server.js:2")
    named = server(
        {"server.mjs": "import { PORT } from './env.js'\napp.listen(PORT)", "env.js": "export const PORT = 7001"},
        "server.mjs",
    )
    assert named.port is not None
    assert named.port.value == 7001


def test_a_committed_env_file_that_is_loaded_decides() -> None:
    source = "require('dotenv').config(); app.listen(process.env.PORT || 3000)"
    found = server({"server.js": source, ".env": "A=b\nPORT=4000 # here\n"})
    assert found.port is not None
    assert (found.port.value, found.port.origin) == (4000, ".env:2")
    unloaded = server({"server.js": "app.listen(process.env.PORT || 3000)", ".env": "PORT=4000"})
    assert unloaded.port is not None
    assert unloaded.port.value == 3000


@pytest.mark.parametrize(
    ("files", "health"),
    [
        ({"server.js": "const app = express(); app.get('/health', (q, r) => r.send())"}, "/health"),
        ({"server.js": "const app = express(); const r = express.Router(); r.get('/healthz', h); app.use('/api', r)"}, "/api/healthz"),
        ({"server.js": "const app = express(); app.use('/api', require('./r'))", "r.js": "const r = require('express').Router(); r.use('/v1', require('./s')); module.exports = r", "s.js": "const s = Router(); s.get('/ping', f); module.exports = s"}, "/api/v1/ping"),
        ({"server.js": "const app = require('express')(); app.get('/health', h)"}, "/health"),
        ({"server.js": "const r = require('express').Router(); r.get('/health', h)"}, None),
        ({"server.js": "const r = require('./r')(); r.get('/health', h)", "r.js": ""}, None),
        ({"server.js": "const app = express(); app.get('/status', h); app.get('/heartbeat', h)"}, "/heartbeat"),
        ({"server.js": "const r = Router(); r.get('/health', h)"}, None),
        ({"server.js": "const app = express(); app.get('/health', auth, h)"}, None),
        ({"server.js": "const app = express(); app.use(authenticate); app.get('/health', h)"}, None),
        ({"server.js": "const app = express(); app.get('/health', h); app.use(authenticate)"}, "/health"),
        ({"server.js": "const app = express(); app.get('/health', (q, s) => { if (!q.headers.authorization) return s.status(401).end(); s.end() })"}, None),
        ({"server.js": "const app = express(); app.get('/health', (q, s) => q.get('x-key') ? s.end() : s.sendStatus(403))"}, None),
        ({"server.js": "const app = express(); app.use((q, s, next) => q.ok ? next() : s.status(401).end()); app.get('/health', h)"}, None),
        ({"server.js": "const f = fastify(); f.addHook('onRequest', async (q, r) => { r.code(401).send() }); f.get('/health', h)"}, None),
        ({"server.js": "const app = express(); app.get('/health', (q, s) => s.status(200).end()); app.use((q, s) => s.status(404).end())"}, "/health"),
        ({"server.js": "const app = express(); app.get('/health', (q, s) => s.status(up ? 200 : 503).end())"}, "/health"),
        ({"server.js": "const app = express(); app.get('/orders/:id/status', h)"}, None),
        ({"server.js": "const app = express(); axios.get('/health', { a: 1 }); cache.get('/health', f)"}, None),
        ({"server.js": "const f = Fastify(); f.register(require('./r'), { prefix: '/api' })", "r.js": "module.exports = async (fastify) => { fastify.get('/health', async () => 1) }"}, "/api/health"),
        ({"server.js": "const f = fastify(); f.route({ method: 'GET', url: '/healthz', handler })"}, "/healthz"),
        ({"server.js": "http.createServer((req, res) => { if (req.url === '/ping') res.end() })"}, "/ping"),
        ({"server.js": "const app = new Koa(); const r = new Router({ prefix: '/api' }); r.get('/status', c => 1); app.use(r.routes())"}, "/api/status"),
        ({"server.js": "require('./routes')(app)", "routes.js": "module.exports = (app) => { app.get('/api/health', h) }"}, "/api/health"),
        ({"server.js": "const app = express(); app.route('/health').get((q, r) => r.end()).post(x)"}, "/health"),
    ],
)  # fmt: skip
def test_health(files: dict[str, str], health: str | None) -> None:
    found = server(files).health
    assert (found and found.value) == health


NEST = {
    "tsconfig.json": '{\n// the output\n"compilerOptions": {"outDir": "./dist", "baseUrl": "./",}}',
    "src/main.ts": "import { AppModule } from './app.module'\nasync function bootstrap() { const app = await NestFactory.create(AppModule); app.setGlobalPrefix('api'); await app.listen(process.env.PORT ?? 3000) }",
    "src/app.module.ts": "import { HealthController } from 'src/health.controller'\nexport const x = [HealthController]",
    "src/health.controller.ts": "@Controller('health')\nexport class HealthController {\n  @Get()\n  check() { return 1 }\n  @Get('live')\n  live() {}\n}",
}


def test_nest_from_the_compiled_entry() -> None:
    found = server(NEST, "dist/main")
    assert found.entry == "src/main.ts"
    assert values(found.routes) == ["/api/health", "/api/health/live"]
    assert found.health is not None
    assert (found.health.value, found.health.origin) == (
        "/api/health/live",
        "src/health.controller.ts:5",
    )
    assert found.port is not None
    assert found.port.value == 3000


def test_nest_behind_a_global_guard_has_no_open_route() -> None:
    guarded = {**NEST, "src/app.module.ts": NEST["src/app.module.ts"] + "\nconst p = { provide: APP_GUARD }"}
    assert server(guarded, "dist/main.js").health is None


def test_folders_are_taken_from_where_the_code_runs() -> None:
    source = "import path from 'path'\nfs.mkdirSync(path.join(__dirname, '..', 'uploads'), { recursive: true })"
    config = {"tsconfig.json": '{"compilerOptions": {"outDir": "dist", "rootDir": "src"}}'}
    compiled = server(
        {
            "src/lib/a.ts": "fs.mkdirSync(path.join(__dirname, 'x'))",
            "src/server.ts": f"import './lib/a'\n{source}",
            **config,
        },
        "dist/server.js",
    )
    assert values(compiled.writes) == ["uploads", "dist/lib/x"]
    direct = server({"src/deep/server.ts": source}, "src/deep/server.ts")
    assert values(direct.writes) == ["src/uploads"]


@pytest.mark.parametrize(
    ("source", "writes"),
    [
        ("fs.mkdirSync('logs')", ["logs"]),
        ("fs.createWriteStream('./logs/app.log')", ["logs"]),
        ("fs.writeFileSync(path.join(process.cwd(), 'data', `${id}.json`), x)", ["data"]),
        ("fs.writeFileSync(`exports/${id}.csv`, x)", ["exports"]),
        ("fs.writeFileSync('state.json', x)", ["."]),
        ("const upload = multer({ dest: 'uploads/' })", ["uploads"]),
        ("multer.diskStorage({ destination: (req, file, cb) => cb(null, 'public/up'), filename: f })", ["public/up"]),
        ("multer.diskStorage({ destination: function (req, file, cb) { cb(null, path.join(__dirname, 'up')) } })", ["up"]),
        ("new winston.transports.File({ filename: 'logs/error.log' })", ["logs"]),
        ("new DailyRotateFile({ dirname: 'log', filename: 'x-%DATE%.log' })", ["log"]),
        ("const FileStore = require('session-file-store')(session); new FileStore()", ["sessions"]),
        ("const FileStore = require('session-file-store')(session); new FileStore({ path: 'kept' })", ["kept"]),
        ("new Database('data/app.db')", ["data"]),
        ("new sqlite3.Database(':memory:')", []),
        ("new Sequelize({ dialect: 'sqlite', storage: './db/x.sqlite' })", ["db"]),
        ("new DataSource({ type: 'postgres', database: 'x' })", []),
        ("new DataSource({ type: 'sqlite', database: 'x/y.db' })", ["x"]),
        ("fs.mkdirSync(path.join(os.tmpdir(), 'x')); fs.writeFileSync('/tmp/x', y)", []),
        ("const DIR = process.env.DIR || '/data'; fs.mkdirSync(path.join(DIR, 'a'))", ["/data/a"]),
        ("app.use(express.static('public')); fs.readFileSync('a.json')", []),
        ("GraphQLModule.forRoot({ autoSchemaFile: join(process.cwd(), 'src/schema.gql') })", ["src"]),
        ("GraphQLModule.forRoot({ autoSchemaFile: { path: 'made/schema.gql', federation: 2 } })", ["made"]),
        ("GraphQLModule.forRoot({ autoSchemaFile: true })", []),
        ("await buildSchema({ resolvers, emitSchemaFile: true })", ["."]),
        ("makeSchema({ types, outputs: { schema: 'generated/x.graphql', typegen: 'types/x.ts' } })", ["generated", "types"]),
    ],
)  # fmt: skip
def test_writes(source: str, writes: list[str]) -> None:
    assert values(server({"server.js": source}).writes) == writes


@pytest.mark.parametrize(
    ("source", "writes"),
    [
        ("require('sails').lift()", [".tmp"]),
        ("import type { Client } from 'whatsapp-web.js'", []),
        ("log4js.configure({ appenders: { f: { type: 'file', filename: 'logs/a.log' } } })", []),
        ("const log4js = require('log4js'); log4js.configure({ appenders: { f: { filename: 'logs/a.log' } } })", ["logs"]),
        ("const pino = require('pino'); pino(pino.destination(1))", []),
        ("import pino from 'pino'; pino(pino.destination('./log/app.log'))", ["log"]),
        ("import pino from 'pino'; pino({ transport: { options: { destination: 'l/a.log' } } })", ["l"]),
        ("const b = require('bunyan'); b.createLogger({ streams: [{ stream: process.stdout }, { path: 'x/a.log' }] })", ["x"]),
        ("require('file-stream-rotator').getStream({ filename: 'logs/a-%DATE%.log' })", ["logs", "."]),
        ("require('bunyan'); app.use(session({ cookie: { path: '/' } }))", []),
        ("const { Level } = require('level'); new Level('./db')", ["db"]),
        ("const PouchDB = require('pouchdb'); new PouchDB('stock')", ["stock"]),
        ("const D = require('nedb'); new D({ filename: 'data/a.db' })", ["data"]),
        ("const D = require('nedb'); new D()", []),
        ("const K = require('keyv'); new K('sqlite://data/a.sqlite'); new K('redis://cache')", ["data"]),
        ("const { Sequelize } = require('sequelize'); new Sequelize('sqlite:db/a.sqlite')", ["db"]),
        ("const { Sequelize } = require('sequelize'); new Sequelize('sqlite::memory:')", []),
        ("const { Sequelize } = require('sequelize'); new Sequelize('a', 'user', 'key', { dialect: 'mysql' })", []),
        ("const { createClient } = require('@libsql/client'); createClient({ url: 'file:///data/a.db' })", ["/data"]),
        ("const up = require('express-fileupload'); app.use(up({ useTempFiles: true }))", ["tmp"]),
        ("const up = require('express-fileupload'); app.use(up({ useTempFiles: true, tempFileDir: '/tmp/' }))", []),
        ("const up = require('express-fileupload'); app.use(up())", []),
        ("const knex = require('knex')({ client: 'sqlite3', connection: { filename: 'd/a.db' } })", ["d"]),
        ("const { Client, LocalAuth } = require('whatsapp-web.js'); new Client({ authStrategy: new LocalAuth() })", ["."]),
        ("const w = require('whatsapp-web.js'); new w.LocalAuth({ dataPath: 'kept' })", ["kept"]),
        ("const { MulterModule } = require('@nestjs/platform-express'); MulterModule.register({ dest: './up' })", ["up"]),
        ("const { TypeOrmModule: T } = require('@nestjs/typeorm'); T.forRootAsync({ useFactory: () => ({ type: 'sqlite', database: 'd/a.db' }) })", ["d"]),
        ("const { TypeOrmModule: T } = require('@nestjs/typeorm'); T.forRootAsync({ useFactory: () => ({ type: 'mysql', database: 'shop' }) })", []),
        ("const app = require('fastify')({ logger: { file: 'logs/a.log' } })", ["logs"]),
        ("const d = require('decompress'); d('a.zip', 'out')", ["out"]),
        ("const d = require('decompress'); d('a.zip')", []),
        ("const f = require('fluent-ffmpeg'); f('in.avi').output('clips/a.mp4').run()", ["clips"]),
        ("await Bun.write('out/a.txt', 'x')", ["out"]),
        ("const Z = require('adm-zip'); const z = new Z(); z.extractAllTo('in'); z.writeZip('out/a.zip')", ["in", "out"]),
        ("const db = require('better-sqlite3')('db/a.db')", ["db"]),
        ("const sqlite = require('better-sqlite3'); sqlite('db/a.db'); sqlite(':memory:')", ["db"]),
        ("const g = require('simple-git'); g().clone(url, 'repos/a')", ["repos"]),
        ("const { createWorker } = require('tesseract.js'); createWorker('eng')", ["."]),
        ("const { createWorker } = require('tesseract.js'); createWorker('eng', 1, { cachePath: 'langs' })", ["langs"]),
        ("const { Storage } = require('@google-cloud/storage'); f.download({ destination: 'd/f' }); b.upload('a', { destination: 'x/f' })", ["d"]),
        ("const make = require('csv-writer').createObjectCsvWriter; make({ path: 'out/a.csv' })", ["out"]),
        ("require('playwright-core'); page.screenshot({ path: 'shots/a.png' }); page.pdf({ format: 'A4' })", ["shots"]),
        ("module.exports = { client: 'sqlite3', connection: { filename: 'd/a.db' } }", ["d"]),
        ("module.exports = { client: 'pg', connection: { filename: 'd/a.db' } }", []),
        ("module.exports = { client: 'sqlite3', connection: ':memory:' }", []),
        ("require('shelljs').mkdir('-p', 'out/a')", ["out/a"]),
        ("require('child_process').execSync('date > out/built.txt 2> /dev/null')", ["out"]),
    ],
)  # fmt: skip
def test_what_packages_write(source: str, writes: list[str]) -> None:
    assert values(server({"server.ts" if "import type" in source else "server.js": source}).writes) == writes


def test_settings_of_a_package_that_are_read_elsewhere_may_name_files() -> None:
    found = server({"server.js": "const log4js = require('log4js')\nlog4js.configure('config/log4js.json')"})
    assert found.writes_unknown is not None
    assert found.writes_unknown.value == "'config/log4js.json'"


def test_a_line_of_a_shell_may_write_where_it_cannot_be_told() -> None:
    found = server({"server.js": "require('child_process').exec(`date > out/${name}.txt`)"})
    assert found.writes_unknown is not None
    assert found.writes_unknown.value == "`date > out/${name}.txt`"
    quiet = server({"server.js": "require('child_process').exec(`date -d ${day} > /dev/null 2>&1`)"})
    assert quiet.writes_unknown is None


def test_databases_that_settings_in_json_name_are_written() -> None:
    config = {
        "development": {"dialect": "sqlite", "storage": "db/dev.sqlite"},
        "test": {"dialect": "sqlite", "storage": ":memory:"},
        "production": {"dialect": "mysql", "storage": "mysql/a"},
    }
    sources = {"server.js": "require('sequelize')", "config/config.json": json.dumps(config, indent=1)}
    assert [(fact.value, fact.origin) for fact in server(sources).writes] == [("db", "config/config.json:4")]
    sources = {
        "server.js": "require('typeorm').createConnection()",
        "ormconfig.json": '{"type": "sqlite", "database": "a.db"}',
    }
    assert values(server(sources).writes) == ["."]
    assert server({**sources, "server.js": "", "ormconfig.json": "[1"}).writes == ()
    assert server({**sources, "ormconfig.json": "[1]"}).writes == ()


def test_a_package_writes_where_any_source_tells_it() -> None:
    sources = {
        "server.js": "require('./db')\nrequire('node-persist')",
        "db.js": "require('node-persist').init({ dir: 'd' })",
    }
    assert values(server(sources).writes) == ["d"]


def test_what_is_written_and_cannot_be_told_is_said() -> None:
    found = server({"server.js": "fs.writeFileSync(name(), x)"})
    assert found.writes == ()
    assert found.writes_unknown is not None
    assert found.writes_unknown.value == "name()"


def test_reads() -> None:
    source = "app.set('views', path.join(__dirname, 'views'))\napp.use(express.static(path.join(__dirname, 'public')))\nfs.readFileSync('keys/a.pem')\nres.sendFile('index.html', { root: 'client' })"
    found = server({"server.js": source})
    assert values(found.reads) == ["views", "public", "keys/a.pem", "client/index.html"]
    assert found.reads_unknown is None
    assert values(server({"server.js": "app.set('view engine', 'ejs')"}).reads) == ["views"]


@pytest.mark.parametrize("source", ["require(name)", "fs.readFileSync(name)", "import(`./x/${name}`)"])
def test_reads_that_cannot_be_told(source: str) -> None:
    assert server({"server.js": source}).reads_unknown is not None


def test_imports_are_what_is_loaded_at_run_time() -> None:
    source = "import express, { Request } from 'express'\nimport type { A } from 'a'\nimport { Handler } from 'aws-lambda'\nimport { x } from '@s/b/c'\nimport fs from 'node:fs'\nimport path from 'path'\nimport './local'\n// import z from 'z'\nconst h: Handler = x\nexpress()"
    found = server({"server.ts": source, "local.ts": "const d = require('deep/er')"}, "server.ts")
    assert [(fact.value, fact.origin) for fact in found.imports] == [
        ("express", "server.ts:1"),
        ("@s/b", "server.ts:4"),
        ("deep", "local.ts:1"),
    ]


def test_child_processes() -> None:
    source = "const { execFile } = require('child_process'); const cp = require('child_process'); execFile('ffmpeg', []); cp.exec('git status'); /a/.exec('no')"
    assert values(server({"server.js": source}).tools) == ["ffmpeg", "git"]


@pytest.mark.parametrize(
    "source",
    [
        "require('child_process').execSync('convert a b')",
        "const run = require('util').promisify(require('child_process').exec); run('convert a b')",
        "import { promisify } from 'util'\nimport { exec } from 'child_process'\nconst run = promisify(exec)\nawait run(`convert ${a} b`)",
    ],
)
def test_tools_called_in_other_ways(source: str) -> None:
    assert values(server({"server.js": source}).tools) == ["convert"]


CHILD = "const { exec, spawn } = require('child_process')\n"


@pytest.mark.parametrize(
    ("source", "tools", "unknown"),
    [
        (f"{CHILD}exec('cat a | convert - b && rm a')", ["cat", "convert", "rm"], None),
        (f"{CHILD}exec('FOO=1 git log')", ["git"], None),
        (f"{CHILD}function run(line) {{ exec(line) }}\nrun('git log')\nrun('svn log')", ["git", "svn"], None),
        (f"{CHILD}spawn(ok ? 'yarn' : 'npm', ['ci'])", ["yarn", "npm"], None),
        (f"{CHILD}spawn(process.execPath, ['child.js'])", [], None),
        (f"{CHILD}spawn(process.env.TOOL || 'ffmpeg')", ["ffmpeg"], None),
        (f"{CHILD}exec(`${{tool}} --version`)", [], "`${tool} --version`"),
        (f"{CHILD}exec(process.env.LINE)", [], "process.env.LINE"),
        ("const { exec } = require('./queries')\nexec(line)", [], None),
        (f"{CHILD}spawn('cat a | convert - b', {{ shell: true }})", ["cat", "convert"], None),
        (f"{CHILD}spawn('cat a | convert', ['- b'], {{ shell: '/bin/bash' }})", ["cat", "convert"], None),
        (f"{CHILD}spawn('convert', ['a | b'], {{ shell: false }})", ["convert"], None),
        (
            f"{CHILD}exec('nohup convert a && env -i A=b git log; time -p exec ffmpeg')",
            ["convert", "git", "ffmpeg"],
            None,
        ),
        (f"{CHILD}exec(`nohup ${{tool}}`)", [], "`nohup ${tool}`"),
        (f"{CHILD}spawn('env')", ["env"], None),
        (f"{CHILD}exec('\"')", [], None),
        (f"{CHILD}exec('\"git\" log 2>&1 | (cd a; convert b)')", ["git", "cd", "convert"], None),
        (f"{CHILD}exec(`FOO=1; git ${{a}} | convert '${{b}}`)", ["git"], None),
        (f"{CHILD}exec('FOO=' + a)", [], "'FOO=' + a"),
        ("import { PythonShell } from 'python-shell'\nPythonShell.run('a.py')", ["python3"], None),
    ],
)
def test_programs_as_far_as_they_can_be_told(source: str, tools: list[str], unknown: str | None) -> None:
    found = server({"server.js": source})
    assert values(found.tools) == tools
    assert (found.tools_unknown.value if found.tools_unknown is not None else None) == unknown


def test_modules_of_a_listed_folder_are_followed() -> None:
    index = "fs.readdirSync(__dirname).forEach(f => require(path.join(__dirname, f)))"
    found = server(
        {"server.js": "require('./models')", "models/index.js": index, "models/user.js": "require('bcrypt')"}
    )
    assert values(found.imports) == ["bcrypt"]


def test_a_missing_entry_says_nothing() -> None:
    assert server({"main.go": "package main"}, "main.go").entry is None
    found = server({}, "nowhere.js")
    assert (found.entry, found.port, found.routes, found.writes) == (None, None, (), ())


def test_broken_sources_do_no_harm() -> None:
    assert server({"server.js": "app.listen((((\n}}} const ="}).port is None


@pytest.mark.parametrize(
    "host", ["require('os').hostname()", "require('node:os').hostname()", "require('ip').address()", "ip.address()"]
)
def test_address_that_is_the_container_s_own_stays_as_written(host: str) -> None:
    found = server({"server.js": f"app.listen(3000, {host})"}).bind
    assert found is not None
    assert found.value == host
