"""People, organisations, accounts: who somebody is, how they prove it, and what they allowed.

Vocabulary: *person* is a trainee of a class list (学员), known by one ID number (身份证号) and nothing else; *account*
is what signs in (账号), of a trainee or of staff (工作人员); *activation* (激活) is a person's first sign-in;
*consent* (同意) is given or refused for one purpose at a time; *real name* (实名认证) means that name and ID number
match the class list, the phone was proven by a code, and trade, level, category and proofs are confirmed for each
class; *passkey* (通行密钥) is a key inside the trainee's own phone or computer that opens by fingerprint, face or PIN
without any of these leaving the device; *throttle* (限流) counts tries, in PostgreSQL, over all processes.
"""
