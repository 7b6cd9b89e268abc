// Durable storage for oidc-provider on SQLite: WAL, synchronous FULL, every statement prepared once.
//
// One table for all models, keyed by (model, id) without a rowid; what is not asked for is not indexed.
// Each call is a transaction of its own, because oidc-provider's adapter interface has no other.
import Database from 'better-sqlite3';

const SCHEMA = `
CREATE TABLE IF NOT EXISTS entry (
  model TEXT NOT NULL, id TEXT NOT NULL, payload TEXT NOT NULL, grant_id TEXT, uid TEXT, user_code TEXT,
  expires_at INTEGER, consumed_at INTEGER, PRIMARY KEY (model, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entry_grant ON entry (grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS entry_uid ON entry (uid) WHERE uid IS NOT NULL;
CREATE INDEX IF NOT EXISTS entry_user_code ON entry (user_code) WHERE user_code IS NOT NULL;
CREATE TABLE IF NOT EXISTS account (id TEXT PRIMARY KEY, claims TEXT NOT NULL) WITHOUT ROWID;
`;

const now = () => Math.floor(Date.now() / 1000);

function restored(row) {
  if (row === undefined || (row.expires_at !== null && row.expires_at <= now())) return undefined;
  const payload = JSON.parse(row.payload);
  if (row.consumed_at !== null) payload.consumed = row.consumed_at;
  return payload;
}

export async function open(path) {
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.pragma('synchronous = FULL');
  database.pragma('busy_timeout = 5000');
  database.exec(SCHEMA);

  const columns = 'SELECT payload, expires_at, consumed_at FROM entry WHERE';
  const statements = {
    upsert: database.prepare(`
      INSERT INTO entry (model, id, payload, grant_id, uid, user_code, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET payload = excluded.payload, grant_id = excluded.grant_id, uid = excluded.uid,
        user_code = excluded.user_code, expires_at = excluded.expires_at`),
    find: database.prepare(`${columns} model = ? AND id = ?`),
    findByUid: database.prepare(`${columns} uid = ? AND model = ?`),
    findByUserCode: database.prepare(`${columns} user_code = ? AND model = ?`),
    consume: database.prepare('UPDATE entry SET consumed_at = ? WHERE model = ? AND id = ?'),
    destroy: database.prepare('DELETE FROM entry WHERE model = ? AND id = ?'),
    revoke: database.prepare('DELETE FROM entry WHERE grant_id = ? AND model = ?'),
    account: database.prepare('SELECT claims FROM account WHERE id = ?'),
    addAccount: database.prepare('INSERT OR REPLACE INTO account (id, claims) VALUES (?, ?)'),
  };

  class Adapter {
    constructor(model) { this.model = model; }

    async upsert(id, payload, expiresIn) {
      statements.upsert.run(this.model, id, JSON.stringify(payload), payload.grantId ?? null, payload.uid ?? null,
        payload.userCode ?? null, expiresIn ? now() + expiresIn : null);
    }

    async find(id) { return restored(statements.find.get(this.model, id)); }

    async findByUid(uid) { return restored(statements.findByUid.get(uid, this.model)); }

    async findByUserCode(userCode) { return restored(statements.findByUserCode.get(userCode, this.model)); }

    async consume(id) { statements.consume.run(now(), this.model, id); }

    async destroy(id) { statements.destroy.run(this.model, id); }

    async revokeByGrantId(grantId) { statements.revoke.run(grantId, this.model); }
  }

  return {
    Adapter,
    async findClaims(id) {
      const row = statements.account.get(id);
      return row && JSON.parse(row.claims);
    },
    async addAccounts(accounts) {
      database.transaction(() => accounts.forEach(([id, claims]) => statements.addAccount.run(id, JSON.stringify(claims))))();
    },
  };
}
