"""People, organisations, accounts, consents, real-name verification, sessions, passkeys.

Vocabulary: 学员 trainee · 培训机构 institution · 企业 enterprise · 人社部门 bureau · 实名 real-name verification ·
同意书 consent · 通行密钥 passkey.
"""
